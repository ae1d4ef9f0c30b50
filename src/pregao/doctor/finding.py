"""One thing that was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

State = Literal["ok", "warning", "error"]
NAMED = 3
"""Examples that a finding gives of many."""


class Finding(msgspec.Struct, frozen=True):
    """What was found about a subject. `cure` says what to do; empty when nothing needs doing.

    `error`: something does not work, or jobs or results are in danger. `warning`: it works, and should be looked at.
    """

    subject: str
    state: State
    detail: str
    cure: str = ""


def ok(subject: str, detail: str) -> Finding:
    """All is well with it."""
    return Finding(subject, "ok", detail)


def warning(subject: str, detail: str, cure: str) -> Finding:
    """It works, and should be looked at."""
    return Finding(subject, "warning", detail, cure)


def error(subject: str, detail: str, cure: str) -> Finding:
    """It does not work, or endangers jobs or results."""
    return Finding(subject, "error", detail, cure)


def named(things: Sequence[str]) -> str:
    """A few of them by name, and how many more there are.

    >>> named(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(things) - NAMED} more" if len(things) > NAMED else ""
    return ", ".join(things[:NAMED]) + more
