"""How often: a number of jobs in a span of time, written as `30/min`."""

from __future__ import annotations

import re

import msgspec

_UNITS_MS = {"s": 1_000, "min": 60_000, "h": 3_600_000, "day": 86_400_000}
_SPELLINGS = {
    "sec": "s", "second": "s", "seconds": "s", "m": "min", "minute": "min", "minutes": "min",
    "hour": "h", "hours": "h", "d": "day", "days": "day",
}  # fmt: skip
_WRITTEN = re.compile(r"([0-9]{1,7})\s*(?:/|\s+(?:per|a|an)\s+)\s*([a-z]+)", re.ASCII)
LARGEST = 1_000_000


class Rate(msgspec.Struct, frozen=True):
    """At most `count` in any `window_ms` milliseconds."""

    count: int
    window_ms: int

    def __str__(self) -> str:
        """As it is written in the file.

        >>> str(Rate(30, 60_000))
        '30/min'
        """
        unit = next(unit for unit, window_ms in _UNITS_MS.items() if window_ms == self.window_ms)
        return f"{self.count}/{unit}"

    @property
    def field(self) -> str:
        """As the queue reads it: `count/window in ms`."""
        return f"{self.count}/{self.window_ms}"


def parse_rate(text: str) -> Rate | None:
    """Read `30/min`, with s, min, h or day; None when it is no rate.

    >>> parse_rate("30/min"), parse_rate("1 / s"), parse_rate("2 per hour"), parse_rate("30")
    (Rate(count=30, window_ms=60000), Rate(count=1, window_ms=1000), Rate(count=2, window_ms=3600000), None)
    """
    match = _WRITTEN.fullmatch(text.strip().lower())
    if match is None:
        return None
    unit = _SPELLINGS.get(match[2], match[2])
    count = int(match[1])
    return Rate(count, _UNITS_MS[unit]) if unit in _UNITS_MS and 1 <= count <= LARGEST else None
