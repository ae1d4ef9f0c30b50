"""What holds jobs back, as the hash `control` keeps it: pauses, caps and fairness. One field is one rule.

`lua/shared/gates.lua` reads the same fields at every claim.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from pregao.domain.clock import from_ms, to_ms
from pregao.domain.names import fold

FAIR = "fair"
PauseKind = Literal["priority", "scraper"]


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A queue (`kind` priority) or a scraper whose jobs wait. `until` None: until somebody resumes it.

    Times are aware UTC; a scraper's `name` is folded.
    """

    kind: PauseKind
    name: str
    who: str
    why: str
    since: datetime
    until: datetime | None = None

    @property
    def field(self) -> str:
        """The rule's field."""
        return pause_field(self.kind, self.name)


class Controls(msgspec.Struct, frozen=True):
    """Everything that holds jobs back. `caps` are jobs at once by folded scraper name; `fair` 0 means strict order."""

    pauses: list[Pause] = []
    caps: dict[str, int] = {}
    fair: int = 0


class _Told(msgspec.Struct, frozen=True):
    who: str
    why: str
    since: datetime


def pause_field(kind: PauseKind, name: str) -> str:
    """The field of a pause."""
    return f"pause:{kind}:{fold(name)}"


def cap_field(scraper: str) -> str:
    """The field of a scraper's cap."""
    return f"cap:scraper:{fold(scraper)}"


def pause_value(pause: Pause) -> str:
    """A pause as its field holds it: the end in ms (0 = none), then who, why and since as JSON."""
    told = msgspec.json.encode(_Told(pause.who, pause.why, pause.since)).decode()
    return f"{0 if pause.until is None else to_ms(pause.until)}|{told}"


def read_controls(fields: Mapping[bytes, bytes], now: datetime) -> Controls:
    """The rules in a hash; pauses that are over and fields that somebody else wrote are left out."""
    pauses, caps, fair = [], {}, 0
    for name, value in sorted((name.decode(errors="replace"), value) for name, value in fields.items()):
        if pause := _read_pause(name, value):
            if pause.until is None or pause.until > now:
                pauses.append(pause)
        elif name.startswith("cap:scraper:") and value.isdigit():
            caps[name.removeprefix("cap:scraper:")] = int(value)
        elif name == FAIR and value.isdigit():
            fair = int(value)
    return Controls(pauses, caps, fair)


def _read_pause(field: str, value: bytes) -> Pause | None:
    named = re.fullmatch("pause:(priority|scraper):(.+)", field)
    ends, bar, told = value.partition(b"|")
    if not named or not bar or not ends.isdigit():
        return None
    try:
        story = msgspec.json.decode(told, type=_Told)
    except msgspec.MsgspecError:
        return None
    kind: PauseKind = "priority" if named[1] == "priority" else "scraper"
    until = from_ms(int(ends)) if int(ends) else None
    return Pause(kind=kind, name=named[2], who=story.who, why=story.why, since=story.since, until=until)
