"""Sources that asked to be left alone (429, Retry-After): until when, and how far apart their jobs start since.

`lua/release.lua` notes each complaint in the hashes `holds` and `slow`, `lua/shared/gates.lua` keeps the distance, and
`lua/shared/tending.lua` takes a step back for each minute without another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from pregao.domain.clock import from_ms
from pregao.queue.breakers import MOMENT

SLOW_STEP_MS = 250
SLOWEST = 7
STEP_BACK = timedelta(minutes=1)

SourceKind = Literal["host", "scraper"]


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """A host, or a scraper that declares none (by its folded name). Times are aware UTC.

    No job of it starts before `until` (None: they may start). `level` is 1 to 7, 0 for full speed, and one less a
    minute after `counted_from`: when it may be asked again, or took the last step.
    """

    kind: SourceKind
    name: str
    until: datetime | None
    level: int
    counted_from: datetime | None

    @property
    def distance_seconds(self) -> float:
        """Least time between two starts: 0.5 s at level 1, twice as long at each further one."""
        return SLOW_STEP_MS * 2**self.level / 1000 if self.level else 0.0

    @property
    def full_speed_at(self) -> datetime | None:
        """When it is at full speed again if it does not complain once more."""
        return None if self.counted_from is None else self.counted_from + self.level * STEP_BACK


def read_complaints(holds: Mapping[str, str], slow: Mapping[str, str], now: datetime) -> list[Complaint]:
    """Those whose complaint still counts, hosts first; what cannot be read is left out."""
    found = [_read(source, holds.get(source, "0"), slow.get(source, ""), now) for source in sorted({*holds, *slow})]
    return [complaint for complaint in found if complaint is not None]


def _read(source: str, held_ms: str, slowed: str, now: datetime) -> Complaint | None:
    kind, _, name = source.partition(":")
    if kind not in ("host", "scraper"):
        return None
    until = from_ms(int(held_ms)) if re.fullmatch(MOMENT, held_ms) else now
    level = re.fullmatch(rf"(\d) ({MOMENT})", slowed)
    if until <= now and level is None:
        return None
    return Complaint(
        kind="host" if kind == "host" else "scraper",
        name=name,
        until=until if until > now else None,
        level=int(level[1]) if level else 0,
        counted_from=from_ms(int(level[2])) if level else None,
    )
