"""Fire times: strictly rising, the same wherever one starts, and equal to what counting minutes finds."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pregao.domain.schedule import CronFields, Every, Once, Rule, Schedule, UnixCron
from pregao.scheduler.triggers import as_utc, fires_between, next_fire

ZONES = ["America/Sao_Paulo", "America/New_York", "Europe/Lisbon", "Australia/Lord_Howe", "UTC"]
NEW_YORK = ZoneInfo("America/New_York")
FALL_BACK = datetime(2026, 11, 1, tzinfo=NEW_YORK)
SPRING_FORWARD = datetime(2026, 3, 8, tzinfo=NEW_YORK)

moments = st.datetimes(datetime(2025, 1, 1), datetime(2029, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
zones = st.sampled_from(ZONES)


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    single = st.integers(low, high).map(str)
    span = st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda ends: f"{min(ends)}-{max(ends)}")
    return st.one_of(st.just("*"), single, span)


cron_rules = st.builds(
    CronFields,
    minute=numbers(0, 59),
    hour=numbers(0, 23),
    day=st.one_of(st.just("*"), numbers(1, 28)),
    day_of_week=st.one_of(st.just("*"), numbers(0, 6)),
)
unix_rules = st.builds(
    lambda minute, hour, day: UnixCron(f"{minute} {hour} * * {day}"), numbers(0, 59), numbers(0, 23), numbers(0, 6)
)
rules: st.SearchStrategy[Rule] = st.one_of(cron_rules, unix_rules, st.integers(60, 10**6).map(Every))


def schedule(rule: Rule, zone: str = "America/Sao_Paulo", **bounds: datetime) -> Schedule:
    return Schedule(name="x", scraper="B3", rule=rule, timezone=zone, **bounds)


def expand(expression: str, low: int, high: int) -> set[int]:
    if expression == "*":
        return set(range(low, high + 1))
    first, _, last = expression.partition("-")
    return set(range(int(first), int(last or first) + 1))


@given(rule=rules, zone=zones, start=moments)
@settings(max_examples=150, deadline=None)
def test_fire_times_rise_strictly(rule: Rule, zone: str, start: datetime) -> None:
    found = fires_between(schedule(rule, zone), start, start + timedelta(days=400), 40)
    assert all(start < moment for moment in found)
    assert all(before < after for before, after in pairwise(found))


@given(rule=rules, zone=zones, start=moments, minutes=st.integers(1, 60 * 24 * 40))
@settings(max_examples=150, deadline=None)
def test_the_answer_does_not_depend_on_where_one_starts(rule: Rule, zone: str, start: datetime, minutes: int) -> None:
    later = start + timedelta(minutes=minutes)
    whole = fires_between(schedule(rule, zone), start, later + timedelta(days=3), 200)
    if len(whole) < 200:
        assert [moment for moment in whole if moment > later] == fires_between(
            schedule(rule, zone), later, later + timedelta(days=3), 200
        )


@given(rule=cron_rules, start=moments)
@settings(max_examples=60, deadline=None)
def test_cron_is_what_counting_the_minutes_of_sao_paulo_finds(rule: CronFields, start: datetime) -> None:
    minutes, hours = expand(rule.minute, 0, 59), expand(rule.hour, 0, 23)
    days, weekdays = expand(rule.day, 1, 31), expand(rule.day_of_week, 0, 6)
    first = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    local = [(first + timedelta(minutes=n)).astimezone(ZoneInfo("America/Sao_Paulo")) for n in range(3 * 1440)]
    expected = [
        moment
        for moment in local
        if moment.minute in minutes and moment.hour in hours and moment.day in days and moment.weekday() in weekdays
    ]
    after = start.replace(second=0, microsecond=0)
    assert fires_between(schedule(rule), after, local[-1], 10_000) == expected


@given(zone=zones, start=moments, hour=st.integers(0, 23), minute=st.integers(0, 59))
@settings(max_examples=100, deadline=None)
def test_a_daily_time_fires_once_for_each_local_day(zone: str, start: datetime, hour: int, minute: int) -> None:
    daily = schedule(CronFields(hour=str(hour), minute=str(minute)), zone)
    found = fires_between(daily, start, start + timedelta(days=366), 400)
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in found]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]


@given(seconds=st.integers(1, 86_399), start=moments, zone=zones)
@settings(max_examples=100, deadline=None)
def test_an_interval_keeps_its_phase_over_days_and_restarts(seconds: int, start: datetime, zone: str) -> None:
    found = fires_between(schedule(Every(seconds), zone), start, start + timedelta(days=30), 20)
    origin = as_utc(datetime(2024, 1, 1), ZoneInfo(zone))
    assert {(moment - origin) % timedelta(seconds=seconds) for moment in found} <= {timedelta(0)}


def test_an_interval_without_start_is_counted_from_local_midnight() -> None:
    hourly = schedule(Every(3 * 3600))
    noon = datetime(2026, 11, 23, 12, 0, 1, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert next_fire(hourly, noon) == noon.replace(hour=15, second=0)


def test_an_interval_of_whole_weeks_fires_on_monday() -> None:
    found = next_fire(schedule(Every(7 * 86_400)), datetime(2026, 11, 24, tzinfo=UTC))
    assert found == datetime(2026, 11, 30, tzinfo=ZoneInfo("America/Sao_Paulo"))


def test_an_interval_fires_first_at_its_start_date() -> None:
    start = datetime(2026, 11, 23, 10, 7, tzinfo=UTC)
    every = schedule(Every(600), start_date=start)
    found = fires_between(every, start - timedelta(days=9), start + timedelta(minutes=15), 9)
    assert found == [start, start + timedelta(minutes=10)]


def test_an_interval_of_whole_days_keeps_its_local_time() -> None:
    start = datetime(2026, 10, 31, 9, tzinfo=NEW_YORK)
    daily = schedule(Every(86_400), "America/New_York", start_date=start)
    found = fires_between(daily, start, start + timedelta(days=3), 9)
    assert [moment.astimezone(NEW_YORK).hour for moment in found] == [9, 9, 9]


def test_an_end_date_is_the_last_that_may_fire() -> None:
    end = datetime(2026, 11, 23, 12, tzinfo=UTC)
    hourly = schedule(CronFields(minute="0"), end_date=end)
    assert next_fire(hourly, end - timedelta(minutes=1)) == end
    assert next_fire(hourly, end) is None


def test_a_date_fires_once() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert next_fire(schedule(Once(at)), at - timedelta(seconds=1)) == at
    assert next_fire(schedule(Once(at)), at) is None


@pytest.mark.parametrize("rule", [CronFields(hour="2", minute="30"), UnixCron("30 2 * * *")])
def test_a_time_that_the_clock_jumps_over_fires_at_the_jump(rule: Rule) -> None:
    found = fires_between(schedule(rule, "America/New_York"), SPRING_FORWARD, SPRING_FORWARD + timedelta(days=2), 9)
    assert [str(moment.astimezone(NEW_YORK))[:16] for moment in found] == ["2026-03-08 03:00", "2026-03-09 02:30"]


@pytest.mark.parametrize("rule", [CronFields(hour="1", minute="30"), UnixCron("30 1 * * *")])
def test_a_time_that_happens_twice_fires_the_first_time(rule: Rule) -> None:
    found = fires_between(schedule(rule, "America/New_York"), FALL_BACK, FALL_BACK + timedelta(days=1), 9)
    assert found == [datetime(2026, 11, 1, 5, 30, tzinfo=UTC)]


@pytest.mark.parametrize("rule", [CronFields(minute="*/30"), UnixCron("*/30 * * * *")])
def test_an_open_hour_goes_on_in_real_time(rule: Rule) -> None:
    open_hour = schedule(rule, "America/New_York")
    for midnight in (SPRING_FORWARD, FALL_BACK):
        start = midnight.astimezone(UTC)
        found = fires_between(open_hour, start, start + timedelta(hours=6), 99)
        assert found == [start + timedelta(minutes=30 * n) for n in range(1, 13)]


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        next_fire(schedule(Every(60)), datetime(2026, 1, 1))
