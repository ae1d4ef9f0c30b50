"""Where time comes from. Nothing else in Pregão asks the operating system what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

MARKET_ZONE = ZoneInfo("America/Sao_Paulo")


class Clock(Protocol):
    """Wall time to store, monotonic time to subtract."""

    def now(self) -> datetime:
        """Current instant, timezone-aware UTC."""

    def monotonic(self) -> float:
        """Seconds of a clock that is never set back."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Current instant, timezone-aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may ask

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; only differences mean anything."""
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to: for tests and for previews."""

    def __init__(self, start: datetime) -> None:
        require_aware(start, "start")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """The instant it was last moved to."""
        return self._now

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._monotonic

    def advance(self, delta: timedelta) -> None:
        """Move both clocks forward by `delta`."""
        self._now += delta
        self._monotonic += delta.total_seconds()


def require_aware(moment: datetime, what: str) -> datetime:
    """Return `moment`, or raise ValueError when it carries no timezone."""
    if moment.tzinfo is None:
        raise ValueError(f"{what} {moment.isoformat()} has no timezone; attach one, for example UTC")
    return moment


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01T00:00Z of an aware datetime."""
    delta = require_aware(moment, "moment") - _EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def from_ms(milliseconds: int) -> datetime:
    """Aware UTC datetime of `milliseconds` since 1970-01-01T00:00Z."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def market_iso(moment: datetime | None) -> str | None:
    """ISO 8601 with São Paulo's offset, as people and scripts read it at the edges; None stays None."""
    if moment is None:
        return None
    return require_aware(moment, "moment").astimezone(MARKET_ZONE).isoformat(timespec="milliseconds")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
