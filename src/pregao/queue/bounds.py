"""Bounds that hold jobs back now: scrapers that are switched off, at their number of jobs at once, or at their rate.

`lua/shared/gates.lua` reads the same rules and counts at every claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from redis.asyncio.client import Pipeline

from pregao.domain.clock import from_ms
from pregao.queue.keys import Keys

BoundKind = Literal["off", "cap", "rate", "interval"]
RULES: tuple[BoundKind, ...] = ("off", "cap", "rate", "interval")
_UNITS = {1_000: "s", 60_000: "min", 3_600_000: "h", 86_400_000: "day"}
_WINDOW_SHARE, _WINDOW_MORE_MS = 1.02, 50
"""A window of the queue is that much longer than the rule's, as in `lua/shared/gates.lua`."""


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A bound that is reached, for the jobs of `scraper` (folded). `host` is whose bound it is, None: its own.

    `rule` is what it allows, in words. `until` is when time alone lets the next job start; None when only something
    else does.
    """

    scraper: str
    kind: BoundKind
    rule: str
    host: str | None = None
    until: datetime | None = None

    @property
    def why(self) -> str:
        """In words: `is at its limit of 3 at once`."""
        match self.kind:
            case "off":
                return "is disabled"
            case "cap":
                return f"is at its limit of {self.rule} at once"
            case "rate":
                return f"is at its rate of {self.rule}"
        return f"keeps {self.rule} between two starts"


class Question(msgspec.Struct, frozen=True):
    """A rule whose count has to be looked at."""

    scraper: str
    kind: BoundKind
    host: str | None
    limit: int
    window_ms: int = 0

    @property
    def source(self) -> str:
        """Whose starts count: `host:b3.com.br`."""
        return f"scraper:{self.scraper}" if self.host is None else f"host:{self.host}"


def questions(rules: Mapping[str, str], hosts: Mapping[str, Sequence[str]], scrapers: Iterable[str]) -> list[Question]:
    """What to ask about `scrapers`, folded. `rules` are fields of `control`; what somebody else wrote is left out."""
    return [question for scraper in sorted(scrapers) for question in _of(scraper, rules, hosts.get(scraper, ()))]


def _of(scraper: str, rules: Mapping[str, str], hosts: Sequence[str]) -> Iterator[Question]:
    for kind in RULES:
        yield from _read(scraper, kind, None, rules.get(f"{kind}:scraper:{scraper}"))
    for host in hosts:
        for kind in ("cap", "rate"):
            yield from _read(scraper, "cap" if kind == "cap" else "rate", host, rules.get(f"{kind}:host:{host}"))


def _read(scraper: str, kind: BoundKind, host: str | None, value: str | None) -> Iterator[Question]:
    if value is None:
        return
    if kind == "off":
        yield Question(scraper, kind, host, 0)
        return
    written = re.fullmatch(r"(\d{1,9})/(\d{1,14})" if kind == "rate" else r"(\d{1,14})", value, re.ASCII)
    if written:
        yield Question(scraper, kind, host, int(written[1]), int(written[2]) if kind == "rate" else 0)


def ask_for_counts(pipe: Pipeline, keys: Keys, asked: Iterable[Question]) -> None:
    """One question for each."""
    for one in asked:
        if one.kind in ("off", "cap"):
            table, name = (keys.inuse, one.scraper) if one.host is None else (keys.inuse_host, one.host)
            pipe.hget(table, name)
        else:
            pipe.lindex(keys.starts(one.source), max(0, one.limit - 1) if one.kind == "rate" else 0)


def read_bounds(now: datetime, asked: Iterable[Question], answers: Iterable[Any]) -> list[Bound]:
    """Those that are reached at `now`."""
    found = (_reached(one, int(count or 0), now) for one, count in zip(asked, answers, strict=True))
    return [bound for bound in found if bound is not None]


def _reached(one: Question, count: int, now: datetime) -> Bound | None:
    match one.kind:
        case "off":
            return Bound(scraper=one.scraper, kind="off", rule="")
        case "cap":
            reached = count >= one.limit
            return Bound(scraper=one.scraper, host=one.host, kind="cap", rule=str(one.limit)) if reached else None
        case "rate":
            wait, rule = one.window_ms * _WINDOW_SHARE + _WINDOW_MORE_MS, _rate(one)
        case "interval":
            wait, rule = one.limit, f"{one.limit / 1000:g} s"
    until = from_ms(count) + timedelta(milliseconds=wait)
    if not count or until <= now:
        return None
    return Bound(scraper=one.scraper, host=one.host, kind=one.kind, rule=rule, until=until)


def _rate(one: Question) -> str:
    unit = _UNITS.get(one.window_ms)
    return f"{one.limit}/{unit}" if unit else f"{one.limit} in {one.window_ms / 1000:g} s"
