"""Rates of the central bank: the Selic target and what follows from it, inflation, dollar and euro."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from pregao.domain.calendar import market_day
from pregao.domain.clock import MARKET_ZONE
from pregao.sample_market.draws import Draws
from pregao.sample_market.sessions import FIRST_DAY, Sessions
from pregao.sample_market.walk import Walk

Currency = Literal["USD", "EUR"]

FIRST_MEETING = date(2024, 1, 31)
BETWEEN_MEETINGS = timedelta(days=45)
PUBLISHED_AT = time(13, 10)
"""When the closing rates of the day are out, São Paulo."""
_FIRST_SELIC, _LOWEST_SELIC, _HIGHEST_SELIC = 13.75, 11.0, 15.5
_SPREAD_OF_CDI = 0.10
_BANKING_DAYS = 252
_MIDDLE: dict[Currency, float] = {"USD": 5.28, "EUR": 6.09}
_IPCA, _IGPM = (0.38, 0.28), (0.31, 0.65)


@dataclass(frozen=True, slots=True)
class Rate:
    """One value of one day."""

    day: date
    value: float


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A closing bulletin: BRL for one unit; `parity` is US dollars for one unit."""

    at: datetime
    buy: float
    sell: float
    parity: float


class Rates:
    """All of them; what is asked for a window gives what is published at `now` (aware)."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._walk = Walk(draws)
        self._sessions = Sessions()

    def selic(self, first: date, last: date, now: datetime) -> list[Rate]:
        """The target for each day. It is known up to the day of the next meeting, which is in the future."""
        known = self._meetings(market_day(now))
        return [Rate(day, self._target(day)) for day in _days(first, min(last, known))]

    def selic_daily(self, first: date, last: date, now: datetime) -> list[Rate]:
        """Percent a day; out the day after."""
        return self._overnight(first, last, now, 0.0)

    def cdi(self, first: date, last: date, now: datetime) -> list[Rate]:
        """Percent a day; out the day after."""
        return self._overnight(first, last, now, _SPREAD_OF_CDI)

    def ipca(self, first: date, last: date, now: datetime) -> list[Rate]:
        """Percent a month, dated on its first day; out on the tenth of the month after."""
        return self._monthly("ipca", _IPCA, first, last, market_day(now) - timedelta(days=9))

    def igpm(self, first: date, last: date, now: datetime) -> list[Rate]:
        """Percent a month, dated on its first day; out at the end of the month itself."""
        return self._monthly("igpm", _IGPM, first, last, market_day(now) + timedelta(days=2))

    def closing(self, currency: Currency, first: date, last: date, now: datetime) -> list[Bulletin]:
        """One bulletin for each banking day, out in the early afternoon."""
        days = self._sessions.since(max(first, FIRST_DAY), last)
        found = [self._bulletin(currency, day) for day in days]
        return [bulletin for bulletin in found if bulletin.at <= now]

    def _bulletin(self, currency: Currency, day: date) -> Bulletin:
        number = self._sessions.number(day)
        dollar, rate = (_MIDDLE[each] * self._walk.end_of(each, number, 0.006) for each in ("USD", currency))
        sell = round(rate, 4)
        second = self._draws.of("bulletin", currency, day)
        at = datetime.combine(day, PUBLISHED_AT, MARKET_ZONE) - timedelta(seconds=second.randrange(1, 400))
        at = at.replace(microsecond=second.randrange(1_000_000))
        return Bulletin(at, round(sell - 0.0006, 4), sell, round(rate / dollar, 4))

    def _overnight(self, first: date, last: date, now: datetime, less: float) -> list[Rate]:
        days = self._sessions.since(max(first, FIRST_DAY), min(last, market_day(now) - timedelta(days=1)))
        return [Rate(day, ((1 + (self._target(day) - less) / 100) ** (1 / _BANKING_DAYS) - 1) * 100) for day in days]

    def _monthly(self, what: str, usual: tuple[float, float], first: date, last: date, out: date) -> list[Rate]:
        months = _months(first, last)
        middle, spread = usual
        return [
            Rate(month, round(self._draws.of(what, month).gauss(middle, spread), 2))
            for month in months
            if _next_month(month) <= out
        ]

    def _target(self, day: date) -> float:
        """What the committee decided at its last meeting before `day`: steps of a quarter, or none."""
        meetings = max(0, (day - FIRST_MEETING - timedelta(days=1)) // BETWEEN_MEETINGS + 1)
        chance, level = self._draws.of("selic"), _FIRST_SELIC
        for _ in range(meetings):
            level += chance.choice((-0.25, 0.0, 0.0, 0.25))
            level = min(max(level, _LOWEST_SELIC), _HIGHEST_SELIC)
        return level

    @staticmethod
    def _meetings(today: date) -> date:
        """The first meeting on or after `today`."""
        passed = -((FIRST_MEETING - today) // BETWEEN_MEETINGS)
        return FIRST_MEETING + max(0, passed) * BETWEEN_MEETINGS


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _months(first: date, last: date) -> list[date]:
    """The first days of months from `first` to `last`."""
    month, found = first.replace(day=1), []
    while month <= last:
        if month >= first:
            found.append(month)
        month = _next_month(month)
    return found


def _next_month(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)
