"""The breakers of scrapers: reading them, tripping one by hand, and resetting one with all that is held against it.

A breaker that is not closed is a field of the hash `control`, 'until_ms|story as JSON'; `lua/shared/breaker.lua` opens
and closes them. The hash `failures` has the failures in a row that may open one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec

from pregao.domain.clock import from_ms, to_ms
from pregao.domain.names import fold
from pregao.queue.scripts import Scripts

_FIELD = "open:scraper:"
MOMENT = r"\d{1,14}"
"""Milliseconds since 1970 that are a datetime."""
AUTOMATIC = "breaker"
"""Who opened a breaker that nobody tripped."""

BreakerState = Literal["open", "probing"]


class FailureRun(msgspec.Struct, frozen=True):
    """Failures of one class in a row."""

    error_class: str
    count: int

    @property
    def text(self) -> str:
        """In words: `5 failures in a row of class timeout`."""
        return f"{self.count} failure{'' if self.count == 1 else 's in a row'} of class {self.error_class}"


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that is not closed, of a scraper by its folded name. Times are aware UTC.

    Until `until` its jobs are parked (None: until somebody resets it); from then on it is probing, one job at a time.
    `run` is what opened it by itself, and `why` the last error then; None for one that somebody tripped.
    """

    scraper: str
    state: BreakerState
    since: datetime
    until: datetime | None
    who: str
    why: str
    run: FailureRun | None = None

    @property
    def reason(self) -> str:
        """Why it is open, in a sentence."""
        return self.why if self.run is None else f"{self.run.text}, the last: {self.why}"


class Lifted(msgspec.Struct, frozen=True):
    """What a reset took away: rules with the values that they had, as the audit trail has them."""

    values: dict[str, str]

    @property
    def opened(self) -> bool:
        """Whether a breaker was not closed."""
        return any(name.startswith(_FIELD) for name in self.values)

    @property
    def failures(self) -> FailureRun | None:
        """The failures in a row that were counted."""
        return next((_run(value) for name, value in self.values.items() if name.startswith("failures:")), None)

    @property
    def sources(self) -> list[str]:
        """The hosts and scrapers that were left alone or slowed down: `host b3.com.br`."""
        return [name.removeprefix("hold:").replace(":", " ", 1) for name in self.values if name.startswith("hold:")]


class _Story(msgspec.Struct, frozen=True, rename={"error_class": "class"}):
    """What stands in the field: of an automatic breaker without `who`."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]
    error: str | None = None
    error_class: str | None = None
    count: int = 0
    who: str | None = None


class _Told(msgspec.Struct, frozen=True):
    """The story of one that is tripped. A probe that fails opens it again for twice `for_ms`, as any other."""

    who: str
    error: str
    since: datetime
    for_ms: int


def breaker_field(scraper: str) -> str:
    """The field of a scraper's breaker."""
    return f"{_FIELD}{fold(scraper)}"


def read_breakers(control: Mapping[str, str], now: datetime) -> dict[str, Breaker]:
    """The breakers that are not closed, by folded scraper name; what cannot be read is left out."""
    return {breaker.scraper: breaker for breaker in _breakers(control, now)}


def read_failures(fields: Mapping[str, str]) -> dict[str, FailureRun]:
    """Failures in a row, as the hash `failures` has them: 'class count' by folded scraper name."""
    runs = {scraper: _run(value) for scraper, value in fields.items()}
    return {scraper: run for scraper, run in runs.items() if run is not None}


def _breakers(control: Mapping[str, str], now: datetime) -> Iterator[Breaker]:
    for field, value in sorted(control.items()):
        ends, bar, story = value.partition("|")
        if not field.startswith(_FIELD) or not bar or not re.fullmatch(MOMENT, ends):
            continue
        try:
            told = msgspec.json.decode(story, type=_Story)
        except msgspec.MsgspecError:
            continue
        until = from_ms(int(ends)) if int(ends) else None
        yield Breaker(
            scraper=field.removeprefix(_FIELD),
            state="open" if until is None or until > now else "probing",
            since=told.since,
            until=until,
            who=told.who or AUTOMATIC,
            why=told.error or "",
            run=FailureRun(told.error_class, told.count) if told.error_class else None,
        )


def _run(value: str) -> FailureRun | None:
    error_class, _, count = value.rpartition(" ")
    return FailureRun(error_class, int(count)) if error_class and count.isdigit() else None


class Breakers:
    """Breakers in the hands of people. Methods raise as `QueueCommands` does, and are safe to repeat."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def trip(self, scraper: str, *, who: str, why: str, now: datetime, lasting: timedelta | None) -> None:
        """Open a breaker, whatever it was: for so long, or until somebody resets it. `now` is the server's time."""
        until_ms = 0 if lasting is None else to_ms(now + lasting)
        for_ms = 0 if lasting is None else lasting // timedelta(milliseconds=1)
        story = msgspec.json.encode(_Told(who, why, now, for_ms)).decode()
        await self._scripts.call("control", breaker_field(scraper), f"{until_ms}|{story}", who)

    async def reset(self, scraper: str, *, who: str, hosts: bool) -> Lifted:
        """Close a breaker, forget the failures in a row and what the scraper's source asked for; says what there was.

        With `hosts` also what its hosts asked for, which other scrapers may ask too.
        """
        reply: Sequence[bytes] = await self._scripts.call("reset", fold(scraper), who, 1 if hosts else 0)
        texts = [part.decode(errors="replace") for part in reply]
        return Lifted(dict(zip(texts[::2], texts[1::2], strict=True)))
