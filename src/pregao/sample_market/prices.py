"""Prices of papers: whole sessions, and the one that is running up to a moment of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from math import pi, prod, sin

from pregao.domain.calendar import Session, last_closed_session, market_day, previous_session, session
from pregao.sample_market.draws import Draws
from pregao.sample_market.papers import Kind, Paper, papers_of
from pregao.sample_market.sessions import Sessions
from pregao.sample_market.walk import Walk

VOLATILITY = {Kind.SHARE: 0.019, Kind.FUND: 0.006, Kind.AGRO_FUND: 0.008, Kind.ETF: 0.012, Kind.BDR: 0.017}
"""Of one session, as a fraction."""
APART = 0.2
"""How much papers of one company move by themselves, in relation to what they move together."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One session of one paper, or the part of it up to `minute`. Prices and `volume` in BRL, `qty` in shares."""

    day: date
    minute: int
    open: float
    high: float
    low: float
    close: float
    previous: float
    qty: int
    trades: int

    @property
    def average(self) -> float:
        """About what was paid for one share."""
        return round((self.open + self.high + self.low + 3 * self.close) / 6, 2)

    @property
    def volume(self) -> float:
        """What changed hands, BRL."""
        return round(self.average * self.qty, 2)

    @property
    def change(self) -> float:
        """From the close before, BRL."""
        return round(self.close - self.previous, 2)

    @property
    def change_pct(self) -> float:
        """From the close before, percent."""
        return (self.close / self.previous - 1) * 100


class Prices:
    """Every price at every moment."""

    def __init__(self, draws: Draws) -> None:
        self.sessions = Sessions()
        self._draws = draws
        self._walk = Walk(draws)

    def close(self, paper: Paper, day: date) -> float:
        """The close of the last session on or before `day`."""
        number = self.sessions.number(day)
        return _cents(paper.price * prod(self._walk.end_of(what, number, step) for what, step in _walks(paper)))

    def closes(self, paper: Paper, day: date, count: int) -> list[float]:
        """The closes of so many sessions up to `day`, oldest first."""
        return [self.close(paper, each) for each in self.sessions.back_from(day, count)]

    def whole(self, paper: Paper, day: date) -> Bar:
        """The session of `day`, from its opening to its close."""
        found = session(day)
        if found is None:
            raise ValueError(f"{day} is no session")
        return self._bar(paper, found, _minutes(found))

    def seen(self, paper: Paper, moment: datetime) -> Bar:
        """What there is to see at `moment` (aware): the running session so far, else the last one."""
        running = session(market_day(moment))
        if running is not None and running.is_open(moment):
            return self._bar(paper, running, int((moment - running.opens_at).total_seconds() // 60))
        return self.whole(paper, last_closed_session(moment).day)

    def minutes(self, paper: Paper, bar: Bar) -> Sequence[float]:
        """The price at each minute of a bar, from the first."""
        found = session(bar.day)
        return [] if found is None else self._path(paper, found)[: bar.minute + 1]

    def _bar(self, paper: Paper, at: Session, minute: int) -> Bar:
        path = self._path(paper, at)[: minute + 1]
        done = _share_of_day(minute / _minutes(at))
        qty = int(self._quantity(paper, at.day) * done)
        return Bar(
            day=at.day,
            minute=minute,
            open=path[0],
            high=max(path),
            low=min(path),
            close=path[-1],
            previous=self.close(paper, previous_session(at.day).day),
            qty=qty,
            trades=min(99_999, 1 + qty // int(self._draws.between(300, 900, "lot", paper.ticker))),
        )

    def _path(self, paper: Paper, at: Session) -> list[float]:
        number = self.sessions.number(at.day)
        paths = [self._walk.path(what, number, _minutes(at), step) for what, step in _walks(paper)]
        return [_cents(paper.price * prod(values)) for values in zip(*paths, strict=True)]

    def _quantity(self, paper: Paper, day: date) -> float:
        """Of a whole session: the larger the company, the more of it changes hands."""
        turnover = {Kind.SHARE: 0.0018, Kind.ETF: 0.04}.get(paper.kind, 0.0009)
        return 100 * round(self._draws.around(paper.units * turnover, 0.35, "quantity", paper.ticker, day) / 100) + 100


@cache
def _walks(paper: Paper) -> tuple[tuple[str, float], ...]:
    """What a price is made of, each with its volatility: the company's walk, and one of its own beside its kin."""
    step = VOLATILITY[paper.kind]
    own = ((paper.ticker, step * APART),) if len(papers_of(paper.root)) > 1 else ()
    return ((paper.root, step), *own)


def _minutes(at: Session) -> int:
    return int((at.closes_at - at.opens_at).total_seconds() // 60)


def _share_of_day(passed: float) -> float:
    """How much of a day's trade is done after this part of it: more at both ends than in the middle."""
    return passed + 0.08 * sin(2 * pi * passed)


def _cents(price: float) -> float:
    return max(0.01, round(price, 2))
