import csv
import io
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples.recordings import recording

from pregao.domain import calendar
from pregao.domain.clock import MARKET_ZONE

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MARKET_ZONE)


def opening(day: date) -> time:
    session = calendar.session(day)
    assert session is not None
    return session.opens_at.astimezone(MARKET_ZONE).time()


def closing(day: date) -> time:
    return calendar.closes_at(day).astimezone(MARKET_ZONE).time()


def test_sessions_agree_with_the_public_calendars_day_by_day() -> None:
    rows = csv.DictReader(io.StringIO(recording("b3_calendar", "sessions.csv").decode()))
    listed = {date.fromisoformat(row["date"]): row["open_local"] for row in rows}
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(4 * 365 + 1)]
    assert {day: f"{opening(day):%H:%M}" for day in days if calendar.is_session(day)} == listed


def test_closures_agree_with_the_public_calendars() -> None:
    rows = csv.DictReader(io.StringIO(recording("b3_calendar", "holidays.csv").decode()))
    ours = [closure.day for year in range(2024, 2028) for closure in calendar.closures(year)]
    assert ours == [date.fromisoformat(row["date"]) for row in rows]


@pytest.mark.parametrize("year", range(2016, 2036))
def test_every_closure_is_a_weekday_with_a_name_and_a_source(year: int) -> None:
    for closure in calendar.closures(year):
        assert closure.day.weekday() < 5
        assert closure.name
        assert closure.source


@pytest.mark.parametrize(
    ("day", "open_before", "open_since"), [((1, 25), 2021, 2022), ((7, 9), 2021, 2024), ((11, 20), 2019, 2023)]
)
def test_local_holidays_became_sessions(day: tuple[int, int], open_before: int, open_since: int) -> None:
    assert calendar.closure_on(date(open_before, *day)) is not None
    assert calendar.closure_on(date(open_since, *day)) is None


def test_black_awareness_day_is_closed_again_from_2024() -> None:
    assert calendar.is_session(date(2023, 11, 20))
    assert not calendar.is_session(date(2024, 11, 20))
    assert not calendar.is_session(date(2026, 11, 20))


@pytest.mark.parametrize(
    ("year", "last"), [(2022, date(2022, 12, 30)), (2023, date(2023, 12, 29)), (2024, date(2024, 12, 31))]
)
def test_the_last_weekday_of_the_year_is_closed(year: int, last: date) -> None:
    assert calendar.closures(year)[-1].day == last


def test_trading_begins_at_ten_and_at_thirteen_on_ash_wednesday() -> None:
    assert opening(date(2026, 2, 18)) == time(13)
    assert opening(date(2026, 2, 19)) == time(10)


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2026, 3, 6), time(18)),
        (date(2026, 3, 9), time(17)),
        (date(2026, 10, 30), time(17)),
        (date(2026, 11, 3), time(18)),
        (date(2024, 3, 11), time(17)),
        (date(2024, 11, 4), time(18)),
    ],
)
def test_trading_ends_an_hour_earlier_while_new_york_is_on_summer_time(day: date, close: time) -> None:
    assert closing(day) == close


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T09:59:59", False),
        ("2026-11-23T10:00:00", True),
        ("2026-11-23T17:59:59", True),
        ("2026-11-23T18:00:00", False),
        ("2026-11-21T12:00:00", False),
        ("2026-11-20T12:00:00", False),
    ],
)
def test_the_market_is_open_from_the_opening_until_just_before_the_close(moment: str, is_open: bool) -> None:
    assert (calendar.session_at(local(moment)) is not None) is is_open


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-23T18:00:00", date(2026, 11, 23)),
        ("2026-11-23T17:59:00", date(2026, 11, 19)),
        ("2026-11-22T12:00:00", date(2026, 11, 19)),
        ("2027-01-01T12:00:00", date(2026, 12, 30)),
    ],
)
def test_the_last_closed_session_skips_weekends_and_closures(moment: str, day: date) -> None:
    assert calendar.last_closed_session(local(moment)).day == day


def test_the_days_of_a_moment_are_those_of_sao_paulo() -> None:
    assert calendar.market_day(datetime(2026, 11, 24, 2, tzinfo=UTC)) == date(2026, 11, 23)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="no timezone"):
        calendar.session_at(datetime(2026, 11, 23, 12))


def test_next_and_previous_sessions_step_over_carnival() -> None:
    assert calendar.next_session(date(2026, 2, 13)).day == date(2026, 2, 18)
    assert calendar.previous_session(date(2026, 2, 18)).day == date(2026, 2, 13)


@STEADY
@given(st.datetimes(datetime(2016, 1, 1), datetime(2100, 1, 1), timezones=st.just(MARKET_ZONE)))
def test_a_price_is_never_for_later_than_it_was_seen_and_always_for_a_trading_moment(moment: datetime) -> None:
    traded = calendar.last_trading_moment(moment)
    assert traded <= moment
    session = calendar.session(calendar.market_day(traded))
    assert session is not None
    assert session.opens_at <= traded <= session.closes_at
