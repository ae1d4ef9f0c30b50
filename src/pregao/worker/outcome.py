"""How an attempt can end, as data; `executor` decides on it in one match."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pregao.domain.failure import Failure

StopReason = Literal["cancel", "lost", "expired", "shutdown"]


class Completed(msgspec.Struct, frozen=True):
    """The scraper succeeded; `data` is what it returned."""

    data: Any
    response_time_seconds: float
    source: str | None
    metadata: dict[str, Any]


class Failed(msgspec.Struct, frozen=True):
    """The scraper failed, was too slow, or returned what cannot be stored."""

    failure: Failure
    response_time_seconds: float | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}


class Stopped(msgspec.Struct, frozen=True):
    """The attempt was stopped from outside before it ended by itself."""

    reason: StopReason


class NotHere(msgspec.Struct, frozen=True):
    """This worker cannot run the scraper, another live one can: it goes back without spending a retry."""

    message: str


Outcome = Completed | Failed | Stopped | NotHere
