"""How an attempt can end, as data; the worker's executor decides on it in one match."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import orjson

from pregao.domain.failure import Failure
from pregao.domain.footprint import NO_FOOTPRINT, Footprint

StopReason = Literal["cancel", "lost", "expired", "shutdown"]


class Completed(msgspec.Struct, frozen=True, tag=True):
    """The scraper succeeded; `result_json` is its data as JSON that can be stored."""

    result_json: bytes
    response_time_seconds: float
    source: str | None
    metadata: dict[str, Any]
    footprint: Footprint = NO_FOOTPRINT

    @property
    def data(self) -> Any:
        """The data as plain JSON values."""
        return orjson.loads(self.result_json)


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The scraper failed, was too slow, or returned what cannot be stored."""

    failure: Failure
    response_time_seconds: float | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}
    footprint: Footprint = NO_FOOTPRINT


class Killed(msgspec.Struct, frozen=True):
    """The process of the attempt died, or had to be killed for what it took; `story` says how. No retry is spent."""

    story: str
    footprint: Footprint = NO_FOOTPRINT


class Stopped(msgspec.Struct, frozen=True):
    """The attempt was stopped from outside before it ended by itself."""

    reason: StopReason
    footprint: Footprint = NO_FOOTPRINT


class NotHere(msgspec.Struct, frozen=True):
    """This worker cannot run the scraper, another live one can: it goes back without spending a retry."""

    message: str


class NeedsLogin(msgspec.Struct, frozen=True):
    """A session file of the scraper is missing or expired, so that it was not begun: it goes back, and waits."""

    problem: str


Outcome = Completed | Failed | Killed | Stopped | NotHere | NeedsLogin
