"""Scrapers that are not to run: what is said, and how a schedule's scraper is found."""

from __future__ import annotations

from typing import Protocol

from pregao.domain.errors import InvalidInput
from pregao.limits.layers import Setting
from pregao.scrapers.registry import Registry

DISABLED = "disabled"


class ScraperDisabled(InvalidInput):
    """The scraper is disabled: no job of it is taken, and its schedules do not fire."""

    def __init__(self, name: str, setting: Setting) -> None:
        """`setting` is that of `enabled`: it says who disabled the scraper."""
        by = f"{setting.detail} disabled it; " if setting.detail else ""
        super().__init__("scraper_name", name, "is disabled", f"{by}enable it with {_command(name)}")


class Enabling(Protocol):
    """Whoever knows which scrapers are enabled."""

    def check_enabled(self, scraper: str) -> None:
        """Raises ScraperDisabled."""


def resolve_enabled(registry: Registry, limits: Enabling, name: str) -> str:
    """The canonical name behind the loose one of a schedule.

    Raises as the registry does, NotConfigured, and ScraperDisabled.
    """
    canonical = registry.resolve_configured(name)
    limits.check_enabled(canonical)
    return canonical


def _command(name: str) -> str:
    return f"`pregao scrapers set {name if name.isalnum() else repr(name)} enabled=true`"
