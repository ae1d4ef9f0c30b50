"""Which version of Pregão this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def running_version() -> str:
    """The version of the installed package; empty in a checkout that is not installed."""
    try:
        return version("pregao")
    except PackageNotFoundError:
        return ""
