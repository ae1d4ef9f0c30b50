"""B3's trading calendar: which days are sessions, and when the cash market trades.

Our own dated data: every rule carries the years it holds for and the source it comes from. Compared with public
calendars day by day for 2024 to 2027; before 2022 the rules follow exchange_calendars and are not checked further.

>>> is_session(date(2026, 11, 20)), is_session(date(2023, 11, 20))
(False, True)
>>> closure_on(date(2026, 12, 24)).name
'Christmas Eve'
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pregao.domain.clock import MARKET_ZONE, require_aware

_NEW_YORK = ZoneInfo("America/New_York")

_NATIONAL = "national holiday: ANBIMA holiday list"
_BANKING = "no banking day: ANBIMA holiday list; B3 calendars 2024 and 2025"
_B3_ONLY = "banks open, B3 closed: B3 calendars 2024 and 2025; exchange_calendars BVMF"
_LOCAL = "municipal or state holiday, a session since 2022: exchange_calendars BVMF"

# B3 follows New York: it closes an hour earlier, in local time, while New York is on daylight-saving time. The rule
# matches all six switch dates that we found published; public calendars say always 17:00 or always 18:00.
OPENS = time(10)
OPENS_ON_ASH_WEDNESDAY = time(13)
CLOSES = time(18)
CLOSES_IN_NEW_YORK_SUMMER = time(17)

_ASH_WEDNESDAY = -46


@dataclass(frozen=True, slots=True)
class Closure:
    """A weekday on which B3 does not trade, why, and how we know."""

    day: date
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of the cash market. Instants are aware UTC; `closes_at` is the end of the closing auction."""

    day: date
    opens_at: datetime
    closes_at: datetime

    def is_open(self, moment: datetime) -> bool:
        """Whether the market trades at `moment`: from the opening, up to but not including the close."""
        return self.opens_at <= moment < self.closes_at


@dataclass(frozen=True, slots=True)
class _Yearly:
    """A closure on the same month and day each year, for the years in which it holds."""

    month: int
    day: int
    name: str
    source: str
    since: int = 1
    until: int = 9999

    def in_year(self, year: int) -> Closure | None:
        if not self.since <= year <= self.until:
            return None
        return Closure(date(year, self.month, self.day), self.name, self.source)


_YEARLY = (
    _Yearly(1, 1, "New Year's Day", _NATIONAL),
    _Yearly(1, 25, "Anniversary of São Paulo", _LOCAL, until=2021),
    _Yearly(4, 21, "Tiradentes", _NATIONAL),
    _Yearly(5, 1, "Labour Day", _NATIONAL),
    _Yearly(7, 9, "Constitutionalist Revolution", _LOCAL, since=1998, until=2019),
    _Yearly(7, 9, "Constitutionalist Revolution", _LOCAL, since=2021, until=2021),
    _Yearly(9, 7, "Independence Day", _NATIONAL),
    _Yearly(10, 12, "Our Lady of Aparecida", _NATIONAL),
    _Yearly(11, 2, "All Souls' Day", _NATIONAL),
    _Yearly(11, 15, "Proclamation of the Republic", _NATIONAL),
    _Yearly(11, 20, "Black Awareness Day", _LOCAL, since=2004, until=2019),
    _Yearly(11, 20, "Black Awareness Day", "national holiday: Lei 14.759/2023", since=2024),
    _Yearly(12, 24, "Christmas Eve", _B3_ONLY),
    _Yearly(12, 25, "Christmas Day", _NATIONAL),
)

_FROM_EASTER = (
    (-48, "Carnival Monday", _BANKING),
    (-47, "Carnival Tuesday", _BANKING),
    (-2, "Good Friday", _NATIONAL),
    (60, "Corpus Christi", _BANKING),
)
"""(days after Easter Sunday, name, source)"""

_ONCE = (Closure(date(2014, 6, 12), "Opening of the World Cup", "exchange_calendars BVMF"),)
"""Days outside every rule. A day of mourning or a strike goes here, with the circular that announced it."""


def easter(year: int) -> date:
    """Easter Sunday of `year` in the Gregorian calendar.

    >>> easter(2026)
    datetime.date(2026, 4, 5)
    """
    golden, century, of_century = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    shift = (golden + 11 * moon + 19 * weekday) // 433
    month = (moon + weekday - 7 * shift + 90) // 25
    return date(year, month, (moon + weekday - 7 * shift + 33 * month + 19) % 32)


def closures(year: int) -> tuple[Closure, ...]:
    """The weekdays of `year` on which B3 does not trade, in order."""
    return tuple(_closures(year).values())


def closure_on(day: date) -> Closure | None:
    """Why B3 is closed on the weekday `day`; None on a session and on weekends."""
    return _closures(day.year).get(day)


def is_session(day: date) -> bool:
    """Whether B3 trades on `day`."""
    return day.weekday() < 5 and closure_on(day) is None


def closes_at(day: date) -> datetime:
    """The instant (UTC) at which the cash market closes, or would close, on `day`."""
    noon_in_new_york = datetime.combine(day, time(12), _NEW_YORK)
    local = CLOSES_IN_NEW_YORK_SUMMER if noon_in_new_york.dst() else CLOSES
    return datetime.combine(day, local, MARKET_ZONE).astimezone(UTC)


def session(day: date) -> Session | None:
    """The session of `day`, or None when B3 is closed."""
    if not is_session(day):
        return None
    late = day == easter(day.year) + timedelta(days=_ASH_WEDNESDAY)
    opens = datetime.combine(day, OPENS_ON_ASH_WEDNESDAY if late else OPENS, MARKET_ZONE)
    return Session(day, opens.astimezone(UTC), closes_at(day))


def session_at(moment: datetime) -> Session | None:
    """The session that is trading at `moment` (aware), or None while the market is closed."""
    today = session(market_day(moment))
    return today if today is not None and today.is_open(moment) else None


def last_closed_session(moment: datetime) -> Session:
    """The latest session whose close is at or before `moment` (aware)."""
    today = session(market_day(moment))
    if today is not None and today.closes_at <= moment:
        return today
    return previous_session(market_day(moment))


def previous_session(day: date) -> Session:
    """The latest session before `day`."""
    return _nearest(day, timedelta(days=-1))


def next_session(day: date) -> Session:
    """The first session after `day`."""
    return _nearest(day, timedelta(days=1))


def last_trading_moment(moment: datetime) -> datetime:
    """The instant (UTC) that a price seen at `moment` is for: `moment` itself in a session, else the last close."""
    return moment.astimezone(UTC) if session_at(moment) else last_closed_session(moment).closes_at


def market_day(moment: datetime) -> date:
    """The date in São Paulo at `moment` (aware)."""
    return require_aware(moment, "moment").astimezone(MARKET_ZONE).date()


def _nearest(day: date, step: timedelta) -> Session:
    while True:
        day += step
        found = session(day)
        if found is not None:
            return found


@lru_cache(maxsize=64)
def _closures(year: int) -> dict[date, Closure]:
    found = [closure for rule in _YEARLY if (closure := rule.in_year(year))]
    sunday = easter(year)
    found += [Closure(sunday + timedelta(days=days), name, source) for days, name, source in _FROM_EASTER]
    found.append(Closure(_last_weekday(year), "Last weekday of the year", _B3_ONLY))
    found += [closure for closure in _ONCE if closure.day.year == year]
    weekdays = [closure for closure in found if closure.day.weekday() < 5]
    return {closure.day: closure for closure in sorted(weekdays, key=lambda closure: closure.day)}


def _last_weekday(year: int) -> date:
    day = date(year, 12, 31)
    return day - timedelta(days=max(0, day.weekday() - 4))
