"""The schedule file: what it takes, and what it says of everything that the earlier system got wrong silently."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pregao.configuration.problem import FileRefused, Problem
from pregao.domain.clock import ManualClock
from pregao.domain.errors import InvalidInput
from pregao.domain.job import JobPriority
from pregao.domain.schedule import CatchUp, CronFields, Every, Once, Schedule, UnixCron
from pregao.scheduler.loader import ScheduleFile, load_schedules
from pregao.scheduler.triggers import next_fire
from pregao.scrapers.base import NotConfigured
from pregao.scrapers.discovery import LoadProblem
from pregao.scrapers.registry import AmbiguousScraper, BrokenScraper, UnknownScraper

SHIPPED = Path(__file__).parents[2] / "config" / "scraper_schedules.yaml"
CLOCK = ManualClock(datetime(2026, 11, 23, 15, 0, tzinfo=UTC))
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def load(tmp_path: Path, text: str) -> ScheduleFile:
    path = tmp_path / "schedules.yaml"
    path.write_text(text)
    return load_schedules(path, clock=CLOCK)


def one(tmp_path: Path, fields: str) -> Schedule:
    """The schedule with these fields, which has to be sound."""
    file = load(tmp_path, f"schedules:\n  mine: {{scraper: B3, {fields}}}\n")
    assert file.problems == []
    return file.schedules["mine"]


def problem(tmp_path: Path, fields: str) -> Problem:
    """The one problem that these fields have."""
    file = load(tmp_path, f"schedules:\n  mine: {{scraper: B3, {fields}}}\n")
    assert file.schedules == {}
    (found,) = file.problems
    return found


def test_the_shipped_file_has_fifteen_sound_schedules() -> None:
    file = load_schedules(SHIPPED, clock=CLOCK)
    assert (len(file.schedules), file.problems, file.warnings) == (15, [], [])


def test_the_shipped_schedules_fire_when_the_contract_says() -> None:
    file = load_schedules(SHIPPED, clock=CLOCK)
    start = datetime(2026, 11, 22, 23, 59, tzinfo=SAO_PAULO)  # a Sunday
    first = {name: next_fire(schedule, start) for name, schedule in file.schedules.items()}
    local = {name: moment.astimezone(SAO_PAULO).strftime("%a %H:%M") for name, moment in first.items() if moment}
    assert local == {
        "market_data_hourly": "Mon 09:00",
        "fundamentals_daily": "Mon 19:00",
        "fundamentus_daily": "Mon 20:00",
        "crypto_frequent": "Mon 00:00",
        "news_frequent": "Mon 00:00",
        "financial_news": "Mon 00:00",
        "bcb_indicators": "Mon 10:30",
        "options_daily": "Mon 18:30",
        "ai_analysis_weekly": "Sun 02:00",
        "gemini_analysis_weekly": "Sun 03:00",
        "bloomberg_updates": "Mon 00:00",
        "complete_market_scan": "Sat 01:00",
        "tradingview_signals": "Mon 00:00",
        "investidor10_daily": "Mon 21:00",
        "investing_international": "Mon 22:00",
    }


def test_the_shipped_priorities_are_those_of_the_design() -> None:
    by_priority: dict[JobPriority, set[str]] = {level: set() for level in JobPriority}
    for name, schedule in load_schedules(SHIPPED, clock=CLOCK).schedules.items():
        by_priority[schedule.priority].add(name)
    assert by_priority[JobPriority.HIGH] == {"market_data_hourly", "bcb_indicators"}
    assert by_priority[JobPriority.LOW] == {"ai_analysis_weekly", "gemini_analysis_weekly", "complete_market_scan"}


def test_the_shipped_tickers_trade_today() -> None:
    gone = {
        "GOLL4", "JBSS3", "CIEL3", "ENBR3", "IGTA3", "LAME4", "SULA11", "VIIA3", "ELET3", "EMBR3", "MRFG3", "NTCO3",
    }  # fmt: skip
    listed = {
        ticker for schedule in load_schedules(SHIPPED, clock=CLOCK).schedules.values() for ticker in schedule.tickers
    }
    assert listed & gone == set()
    assert {"SELIC", "IPCA", "IGPM", "USD", "EUR"} <= listed


# The contract's three examples.


def test_the_cron_example_of_the_contract(tmp_path: Path) -> None:
    file = load(
        tmp_path,
        """
schedules:
  my_custom_schedule:
    enabled: true
    type: cron
    scraper: B3
    priority: high
    hour: 10
    minute: 30
    day_of_week: "0-4"  # Monday to Friday
    tickers:
      - PETR4
      - VALE3
    description: "My custom schedule"
""",
    )
    schedule = file.schedules["my_custom_schedule"]
    assert schedule.rule == CronFields(hour="10", minute="30", day_of_week="0-4")
    assert (schedule.priority, schedule.tickers) == (JobPriority.HIGH, ("PETR4", "VALE3"))


def test_all_fields_of_cron_may_be_open(tmp_path: Path) -> None:
    schedule = one(tmp_path, 'type: cron, hour: 10, minute: 30, second: 0, day: "*", month: "*", day_of_week: "0-4"')
    assert schedule.rule == CronFields(hour="10", minute="30", day_of_week="0-4")


@pytest.mark.parametrize(("fields", "seconds"), [("hours: 2", 7200), ("minutes: 30", 1800), ("seconds: 60", 60)])
def test_the_interval_examples_of_the_contract(tmp_path: Path, fields: str, seconds: int) -> None:
    assert one(tmp_path, f"type: interval, {fields}").rule == Every(seconds)


@pytest.mark.parametrize("written", ['"2025-11-07T15:30:00"', "2025-11-07T15:30:00", "2025-11-07T15:30:00-03:00"])
def test_a_run_date_is_local_to_the_schedule(tmp_path: Path, written: str) -> None:
    rule = one(tmp_path, f"type: date, run_date: {written}").rule
    assert rule == Once(datetime(2025, 11, 7, 18, 30, tzinfo=UTC))


# What fired every minute, every second or at once before.


def test_an_hour_alone_is_that_hour_once(tmp_path: Path) -> None:
    assert one(tmp_path, "type: cron, hour: 9").rule == CronFields(hour="9", minute="0", second="0")


def test_a_minute_alone_is_once_an_hour(tmp_path: Path) -> None:
    assert one(tmp_path, "type: cron, minute: 30").rule == CronFields(minute="30", second="0")


def test_a_day_alone_is_its_midnight(tmp_path: Path) -> None:
    assert one(tmp_path, "type: cron, day: 1").rule == CronFields(day="1", hour="0", minute="0")


def test_cron_without_any_field_is_an_error(tmp_path: Path) -> None:
    assert problem(tmp_path, "type: cron").field == "type"


@pytest.mark.parametrize("kind", ["interval", "date"])
def test_interval_and_date_without_a_time_are_errors(tmp_path: Path, kind: str) -> None:
    assert problem(tmp_path, f"type: {kind}").field == "type"


@pytest.mark.parametrize(("fields", "seconds"), [("days: 1", 86_400), ("weeks: 2, hours: 1", 1_213_200)])
def test_an_interval_counts_days_and_weeks(tmp_path: Path, fields: str, seconds: int) -> None:
    assert one(tmp_path, f"type: interval, {fields}").rule == Every(seconds)


def test_a_misspelt_field_is_an_error_that_names_the_right_one(tmp_path: Path) -> None:
    found = problem(tmp_path, "type: interval, minute: 5")
    assert (found.field, found.value, found.fix) == ("minute", "5", "did you mean minutes?")
    assert "interval takes weeks, days, hours, minutes, seconds" in found.problem


@pytest.mark.parametrize("amount", ["0", "-5", "1.5", "true", "often", ""])
def test_an_interval_that_is_not_positive_is_an_error(tmp_path: Path, amount: str) -> None:
    assert problem(tmp_path, f"type: interval, minutes: {amount}").field == "minutes"


def test_a_cron_string_is_a_unix_expression(tmp_path: Path) -> None:
    schedule = one(tmp_path, 'type: cron, cron: "30 10 * * mon-fri"')
    assert schedule.rule == UnixCron("30 10 * * mon-fri")
    friday_evening = datetime(2026, 11, 20, 22, tzinfo=SAO_PAULO)
    assert next_fire(schedule, friday_evening) == datetime(2026, 11, 23, 10, 30, tzinfo=SAO_PAULO)


def test_a_cron_string_counts_days_as_unix_does(tmp_path: Path) -> None:
    schedule = one(tmp_path, 'type: cron, cron: "0 10 * * 1-5"')
    saturday = datetime(2026, 11, 21, tzinfo=SAO_PAULO)
    assert next_fire(schedule, saturday) == datetime(2026, 11, 23, 10, tzinfo=SAO_PAULO)


def test_a_cron_string_beside_fields_is_an_error(tmp_path: Path) -> None:
    assert problem(tmp_path, 'type: cron, cron: "30 10 * * *", hour: 3').field == "hour"


@pytest.mark.parametrize("text", ['"61 10 * * *"', '"10 * * *"', '"@daily"', '"0 0 31 2 *"', "5", '""'])
def test_a_cron_string_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    assert problem(tmp_path, f"type: cron, cron: {text}").field == "cron"


def test_times_are_those_of_sao_paulo_unless_a_timezone_is_named(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    here = one(tmp_path, "type: cron, hour: 9")
    there = one(tmp_path, "type: cron, hour: 9, timezone: Europe/Lisbon")
    assert next_fire(here, now) == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert next_fire(there, now) == datetime(2026, 11, 23, 9, tzinfo=UTC)


# Cron fields.


@pytest.mark.parametrize(
    "fields",
    [
        'hour: "9-17"', 'minute: "*/15"', 'day_of_week: "mon-fri"', "day_of_week: MON", 'hour: "9,12,15"',
        "day: last", "day: 1st mon", 'month: "jan,jul"', 'hour: "8-18/2"', "day_of_week: 6", "hour: 09",
    ],
)  # fmt: skip
def test_cron_fields_take_numbers_lists_ranges_steps_and_names(tmp_path: Path, fields: str) -> None:
    assert one(tmp_path, f"type: cron, {fields}")


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("hour", "24"), ("hour", "-1"), ("minute", "60"), ("second", '"0-60"'), ("day", "0"), ("day", "32"),
        ("month", "13"), ("month", "january"), ("day_of_week", "7"), ("day_of_week", '"7"'), ("day_of_week", '"0-7"'),
        ("day_of_week", "fri-mon"), ("day_of_week", "mon-fri/2"), ("day_of_week", "mon-4"), ("minute", '"*/0"'),
        ("minute", '"*/90"'), ("hour", "10:30"), ("hour", "nine"), ("hour", "9.5"), ("hour", "true"), ("hour", ""),
        ("hour", "[9, 12]"), ("minute", '""'), ("minute", '"5,"'),
    ],
)  # fmt: skip
def test_a_cron_field_that_makes_no_sense_is_an_error(tmp_path: Path, field: str, written: str) -> None:
    assert problem(tmp_path, f"type: cron, {field}: {written}").field == field


@pytest.mark.parametrize("written", ["7", '"7"', '"0-7"', '"5,7"'])
def test_day_seven_is_told_that_sunday_is_six(tmp_path: Path, written: str) -> None:
    assert "Sunday is 6" in problem(tmp_path, f"type: cron, day_of_week: {written}").fix


def test_a_clock_time_in_one_field_is_told_how_to_write_it(tmp_path: Path) -> None:
    assert problem(tmp_path, "type: cron, hour: 10:30").fix == "write hour: 10 and minute: 30"


@pytest.mark.parametrize(
    ("field", "written", "told", "fix"),
    [
        ("hour", "17-9", "runs backwards", "write 9-17, or 17-23,0-9 to go round"),
        ("hour", "22-0/2", "runs backwards", "write 0-22/2, or 22,0 to go round"),
        ("minute", "'5,40-30'", "has 40-30, which runs backwards", "write 30-40, or 40-59,0-30 to go round"),
        ("day_of_week", "fri-tue", "runs backwards", "write tue-fri, or fri-sun,mon-tue to go round"),
        ("month", "nov-jan", "runs backwards", "write jan-nov, or nov-dec,jan to go round"),
    ],
)
def test_a_range_that_runs_backwards_is_told_how_to_write_it(
    tmp_path: Path, field: str, written: str, told: str, fix: str
) -> None:
    found = problem(tmp_path, f"type: cron, {field}: {written}")
    assert (found.problem, found.fix) == (told, fix)


def test_a_range_of_a_cron_string_that_runs_backwards_is_told_how_to_write_it(tmp_path: Path) -> None:
    found = problem(tmp_path, 'type: cron, cron: "0 22-2 * * *"')
    assert found.problem == "has 22-2 for the hour, which runs backwards"
    assert found.fix == "write 2-22, or 22-23,0-2 to go round"


def test_a_cron_string_with_too_few_fields_is_told_the_fields_once(tmp_path: Path) -> None:
    found = problem(tmp_path, 'type: cron, cron: "10 * *"')
    assert found.problem == "has 3 fields and not five"
    assert str(found).count("day of month") == 1


def test_a_date_that_never_comes_is_an_error(tmp_path: Path) -> None:
    assert "never fires" in problem(tmp_path, "type: cron, day: 30, month: 2").problem


# Tickers.


@pytest.mark.parametrize(
    ("written", "tickers"),
    [
        ("[PETR4, VALE3]", ("PETR4", "VALE3")),
        ("PETR4", ("PETR4",)),
        ("[selic, USD, 432]", ("selic", "USD", "432")),
        ('"ações da Petrobras, hoje"', ("ações da Petrobras, hoje",)),
        ("[ON, no, y]", ("ON", "no", "y")),
    ],
)
def test_tickers_may_be_a_list_or_one_text(tmp_path: Path, written: str, tickers: tuple[str, ...]) -> None:
    assert one(tmp_path, f"type: cron, hour: 9, tickers: {written}").tickers == tickers


def test_without_tickers_there_is_one_job_without_a_ticker(tmp_path: Path) -> None:
    assert one(tmp_path, "type: cron, hour: 9").tickers == (None,)


@pytest.mark.parametrize("written", ["[]", "", "~", '""', "[PETR4, ~]", "[true]", "{a: b}", '"PETR4, VALE3"', "[[A]]"])
def test_tickers_that_say_nothing_or_too_much_are_errors(tmp_path: Path, written: str) -> None:
    assert problem(tmp_path, f"type: cron, hour: 9, tickers: {written}").field == "tickers"


def test_an_empty_list_is_told_to_leave_the_field_out(tmp_path: Path) -> None:
    assert "leave the field out" in problem(tmp_path, "type: cron, hour: 9, tickers: []").fix


def test_a_ticker_that_is_listed_twice_makes_one_job_and_a_warning(tmp_path: Path) -> None:
    file = load(tmp_path, "schedules:\n  a: {scraper: B3, type: cron, hour: 9, tickers: [GGBR4, VALE3, GGBR4]}\n")
    assert file.schedules["a"].tickers == ("GGBR4", "VALE3")
    assert "GGBR4" in str(file.warnings[0])


# The other fields.


def test_the_options_of_a_schedule(tmp_path: Path) -> None:
    schedule = one(
        tmp_path,
        "type: cron, hour: 9, enabled: false, misfire_grace_seconds: 60, catch_up: none, max_retries: 0, "
        "timeout_seconds: 7.5, metadata: {desk: {ids: [1, x]}}, start_date: 2026-12-01, end_date: 2026-12-31",
    )
    assert (schedule.enabled, schedule.misfire_grace_seconds, schedule.catch_up) == (False, 60, CatchUp.NONE)
    assert (schedule.max_retries, schedule.timeout_seconds) == (0, 7.5)
    assert schedule.metadata == {"desk": {"ids": [1, "x"]}}
    assert schedule.start_date == datetime(2026, 12, 1, tzinfo=SAO_PAULO)
    assert schedule.end_date == datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=SAO_PAULO)


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("priority", "urgent"), ("priority", "1"), ("enabled", "yes"), ("enabled", '"true"'), ("catch_up", "some"),
        ("catch_up", ""), ("max_retries", "-5"), ("max_retries", "101"), ("max_retries", "2.5"),
        ("timeout_seconds", "0"), ("timeout_seconds", "1e9"), ("timeout_seconds", ".nan"),
        ("timeout_seconds", "9" * 400), ("max_retries", "--5"), ("max_retries", "9" * 5000),
        ("misfire_grace_seconds", "-1"), ("misfire_grace_seconds", "soon"), ("metadata", "[1]"),
        ("start_date", "0001-01-01"), ("end_date", "9999-12-31"), ("timezone", "America/SaoPaulo"),
        ("timezone", "BRT-3"), ("start_date", "tomorrow"), ("end_date", "5"), ("description", "[a]"),
    ],
)  # fmt: skip
def test_a_bad_option_is_an_error(tmp_path: Path, field: str, written: str) -> None:
    assert problem(tmp_path, f"type: cron, hour: 9, {field}: {written}").field == field


@pytest.mark.parametrize(
    ("written", "field", "value"),
    [
        ("{n: .nan}", "metadata.n", ".nan"),
        ("{n: -.inf}", "metadata.n", "-.inf"),
        ("{n: 1e400}", "metadata.n", "1e400"),
        ("{n: 18446744073709551616}", "metadata.n", "18446744073709551616"),
        ('{n: "a\\0b"}', "metadata.n", "a\0b"),
        ('{"a\\0b": 1}', "metadata.a\0b", "1"),
        ("{1: one}", "metadata.1", "one"),
        ("{~: none}", "metadata.~", "none"),
        ("{a: 1, a: 2}", "metadata.a", "1"),
        ("{desk: {ids: [1, .inf]}}", "metadata.desk.ids[1]", ".inf"),
    ],
)
def test_metadata_that_no_job_could_carry_is_an_error(tmp_path: Path, written: str, field: str, value: str) -> None:
    found = problem(tmp_path, f"type: cron, hour: 9, metadata: {written}")
    assert (found.entry, found.field, found.value, bool(found.fix)) == ("mine", field, value, True)


def test_a_problem_inside_metadata_tells_its_own_line(tmp_path: Path) -> None:
    fields = "    scraper: B3\n    type: cron\n    hour: 9\n    metadata:\n      desk: equities\n      n: .nan\n"
    (found,) = load(tmp_path, f"schedules:\n  mine:\n{fields}").problems
    assert found.line == 8


def test_a_date_in_metadata_is_the_text_that_was_written(tmp_path: Path) -> None:
    assert one(tmp_path, "type: cron, hour: 9, metadata: {day: 2026-12-01}").metadata == {"day": "2026-12-01"}


def test_a_nul_outside_metadata_is_an_error_of_its_field_and_not_of_the_file(tmp_path: Path) -> None:
    good, bad = "scraper: B3, type: cron, hour: 9", 'scraper: B3, type: cron, hour: 9, tickers: "a\\0"'
    text = f"schedules:\n  good: {{{good}}}\n  bad: {{{bad}}}\n"
    file = load(tmp_path, text)
    assert list(file.schedules) == ["good"]
    assert [(found.line, found.entry, found.field) for found in file.problems] == [(3, "bad", "tickers")]


@pytest.mark.parametrize(
    "fields",
    ['type: date, run_date: "2026-11-23T11:59"', "type: cron, hour: 9, end_date: 2026-11-22"],
)
def test_what_is_in_the_past_is_warned_of(tmp_path: Path, fields: str) -> None:
    file = load(tmp_path, f"schedules:\n  mine: {{scraper: B3, {fields}}}\n")
    (warning,) = file.warnings
    assert (warning.line, warning.entry, list(file.schedules)) == (2, "mine", ["mine"])
    assert warning.problem == "is in the past: it never fires"


@pytest.mark.parametrize(
    "fields",
    ['type: date, run_date: "2026-11-23T12:01"', "type: cron, hour: 9, end_date: 2026-11-23"],
)
def test_what_is_still_to_come_is_not_warned_of(tmp_path: Path, fields: str) -> None:
    assert load(tmp_path, f"schedules:\n  mine: {{scraper: B3, {fields}}}\n").warnings == []


def test_a_bad_priority_names_the_good_ones(tmp_path: Path) -> None:
    assert problem(tmp_path, "type: cron, hour: 9, priority: urgent").fix == "use high, normal or low"


def test_a_date_schedule_takes_no_bounds(tmp_path: Path) -> None:
    assert problem(tmp_path, 'type: date, run_date: "2026-12-01T10:00", end_date: 2026-12-31').field == "end_date"


def test_an_end_before_the_start_is_an_error(tmp_path: Path) -> None:
    found = problem(tmp_path, "type: cron, hour: 9, start_date: 2026-12-02, end_date: 2026-12-01")
    assert found.field == "end_date"


def test_a_run_date_at_the_end_of_time_is_an_error_and_no_crash(tmp_path: Path) -> None:
    found = problem(tmp_path, 'type: date, run_date: "9999-12-31T23:59:59"')
    assert (found.field, found.fix) == ("run_date", "write a year from 2000 to 2200")


def test_a_run_date_without_a_time_is_an_error(tmp_path: Path) -> None:
    assert problem(tmp_path, "type: date, run_date: 2026-12-01").fix == "write for example 2026-12-01T15:30:00"


# The file as a whole.


def test_a_problem_tells_file_line_schedule_field_value_and_fix(tmp_path: Path) -> None:
    text = "# first line\nschedules:\n  good: {scraper: B3, type: cron, hour: 9}\n  bad:\n    scraper: B3\n"
    file = load(tmp_path, text + "    type: cron\n    hour: 25\n")
    (found,) = file.problems
    assert (found.line, found.entry, found.field, found.value) == (7, "bad", "hour", "25")
    assert str(found).startswith(f"{tmp_path / 'schedules.yaml'}:7: schedule bad: hour: '25' is out of range")
    assert "use 0 to 23" in str(found)
    assert list(file.schedules) == ["good"]


def test_every_problem_of_a_file_is_found_at_once(tmp_path: Path) -> None:
    text = """
schedules:
  a: {type: cron, hour: 25, minute: 61, priority: urgent, tickers: []}
  b: {scraper: B3, typ: cron, hour: 9}
  c: 5
  d: {scraper: B3, type: cron, hour: 9, hour: 10}
"""
    found = {(problem.entry, problem.field) for problem in load(tmp_path, text).problems}
    assert found == {
        ("a", "scraper"), ("a", "hour"), ("a", "minute"), ("a", "priority"), ("a", "tickers"),
        ("b", "typ"), ("b", "type"), ("c", None), ("d", "hour"),
    }  # fmt: skip


def test_a_name_that_is_used_twice_is_an_error_for_both(tmp_path: Path) -> None:
    entry = "{scraper: B3, type: cron, hour: 9}"
    file = load(tmp_path, f"schedules:\n  a: {entry}\n  b: {entry}\n  a: {entry}\n")
    assert list(file.schedules) == ["b"]
    assert "written twice, first on line 2" in file.problems[0].problem


def test_anchors_and_merges_are_followed(tmp_path: Path) -> None:
    text = """
x-daily: &daily {scraper: B3, type: cron, hour: 9}
schedules:
  a: {<<: *daily, hour: 10}
"""
    file = load(tmp_path, text)
    assert file.problems == []
    assert file.schedules["a"].rule == CronFields(hour="10", minute="0")


@pytest.mark.parametrize("text", ["", "# nothing\n", "schedules:\n", "- a\n", "5\n", "schedules: [a]\n", "other: 1\n"])
def test_a_file_without_schedules_says_so(tmp_path: Path, text: str) -> None:
    file = load(tmp_path, text)
    assert file.schedules == {}
    assert file.problems


def test_no_schedules_may_be_meant(tmp_path: Path) -> None:
    assert load(tmp_path, "schedules: {}\n").problems == []


def test_an_unknown_field_at_the_top_is_an_error(tmp_path: Path) -> None:
    file = load(tmp_path, "schedule: {}\nschedules: {}\n")
    assert [(found.field, found.fix) for found in file.problems] == [("schedule", "did you mean schedules?")]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"none\.yaml' does not exist") as caught:
        load_schedules(tmp_path / "none.yaml", clock=CLOCK)
    assert caught.value.details.line is None
    assert str(caught.value.details).startswith(f"{tmp_path / 'none.yaml'}: does not exist")


@pytest.mark.parametrize(
    "text", ["a: [\nb: }", "schedules:\n\ta: 1\n", "a: *nowhere\n", "--- 1\n--- 2\n", "&a [*a]\n", "? [a]\n: 1\n"]
)
def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileRefused, match=r"schedules\.yaml:\d+"):
        load(tmp_path, text)


@pytest.mark.parametrize("entry", ['a: "\\ud800"', '"\\ud800": a'])
def test_half_a_surrogate_pair_is_refused_with_its_line(tmp_path: Path, entry: str) -> None:
    with pytest.raises(FileRefused, match=r"schedules\.yaml:2.*surrogate"):
        load(tmp_path, f"# first line\n{entry}\n")


def test_a_line_break_in_a_name_does_not_break_the_message(tmp_path: Path) -> None:
    (found,) = load(tmp_path, 'schedules:\n  "d\\ne": {scraper: B3, type: cron, hour: 9}\n').problems
    assert "schedule d\\ne: has an unusable name" in str(found)
    assert "\n" not in str(found)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileRefused, match="cannot be read"):
        load_schedules(path, clock=CLOCK)


def test_anchors_that_multiply_without_end_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(FileRefused, match="holds more than"):
        load(tmp_path, "\n".join(lines))


# Scrapers.


def resolve(name: str) -> str:
    if name == "Gogle":
        raise UnknownScraper(name, ["Google News"], ["Google News"])
    if name == "nobody":
        raise UnknownScraper(name, [], ["Google News"])
    if name == "chatgpt":
        raise NotConfigured("OPENAI_API_KEY")
    if name == "inv":
        raise AmbiguousScraper(name, ["Investidor10", "Investing.com"])
    if name in ("torn", "never"):
        canonical = "Torn News" if name == "torn" else None
        raise BrokenScraper(
            name, LoadProblem(origin="torn", file="torn.py", line=3, error="SyntaxError: no", canonical=canonical)
        )
    return "Google News"


def test_a_loose_scraper_name_is_resolved(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("schedules:\n  a: {scraper: GoogleNews, type: cron, hour: 9}\n")
    assert load_schedules(path, resolve=resolve, clock=CLOCK).scrapers == {"a": "Google News"}


def test_a_schedule_of_an_unknown_scraper_is_loaded_without_one(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("schedules:\n  a: {scraper: nobody, type: cron, hour: 9}\n")
    file = load_schedules(path, resolve=resolve, clock=CLOCK)
    assert (list(file.schedules), file.scrapers, file.problems) == (["a"], {}, [])
    assert (file.suggestions, file.asleep) == ({}, {"a": "no scraper"})


def test_a_misspelt_scraper_comes_with_what_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("schedules:\n  a: {scraper: Gogle, type: cron, hour: 9}\n")
    assert load_schedules(path, resolve=resolve, clock=CLOCK).suggestions == {"a": "did you mean Google News?"}


def test_a_schedule_of_a_scraper_without_its_key_is_loaded_and_says_what_to_set(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("schedules:\n  a: {scraper: chatgpt, type: cron, hour: 9}\n")
    file = load_schedules(path, resolve=resolve, clock=CLOCK)
    assert (list(file.schedules), file.scrapers, file.problems) == (["a"], {}, [])
    assert file.asleep == {"a": "not configured: set OPENAI_API_KEY"}


def test_a_broken_scraper_that_did_load_before_keeps_its_schedule(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("schedules:\n  a: {scraper: torn, type: cron, hour: 9}\n")

    file = load_schedules(path, resolve=resolve, clock=CLOCK)

    assert (file.scrapers, file.asleep, file.problems) == ({"a": "Torn News"}, {}, [])
    assert "is a scraper that does not load (torn.py:3: SyntaxError: no); correct it" in str(file.warnings[0])


def test_a_schedule_of_a_scraper_that_never_loaded_does_not_fire_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("schedules:\n  a: {scraper: never, type: cron, hour: 9}\n")

    file = load_schedules(path, resolve=resolve, clock=CLOCK)

    assert (list(file.schedules), file.scrapers, file.problems) == (["a"], {}, [])
    assert file.asleep == {"a": "not loaded: torn.py:3: SyntaxError: no"}
    assert file.why_not_run("a") == "its scraper 'never' is not loaded: torn.py:3: SyntaxError: no"


def test_an_ambiguous_scraper_is_an_error_that_lists_the_candidates(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("schedules:\n  a: {scraper: inv, type: cron, hour: 9}\n")
    (found,) = load_schedules(path, resolve=resolve, clock=CLOCK).problems
    assert found.field == "scraper"
    assert "Investidor10, Investing.com" in found.fix


def test_a_refused_file_is_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_schedules(tmp_path / "none.yaml", clock=CLOCK)
    assert caught.value.field == "schedules"
