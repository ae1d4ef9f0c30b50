"""What a schedule is, and the identity of the jobs that it makes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pregao.domain.job import check_job_id
from pregao.domain.schedule import CatchUp, CronFields, Every, Once, Schedule, UnixCron, occurrence_job_id
from pregao.scheduler.occurrence import decide, handle

FIRE = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
MINUTELY = Schedule(name="news", scraper="Valor", rule=Every(60), tickers=("PETR4", "VALE3"))


def test_the_job_id_of_an_occurrence_is_the_same_whoever_computes_it() -> None:
    local = FIRE.astimezone(timezone(timedelta(hours=-3)))
    assert occurrence_job_id("news", FIRE, "PETR4") == occurrence_job_id("news", local, "PETR4")
    assert check_job_id(occurrence_job_id("news", FIRE, "PETR4"))


def test_schedule_time_and_ticker_each_make_another_job_id() -> None:
    ids = {
        occurrence_job_id(name, moment, ticker)
        for name in ("news", "news2")
        for moment in (FIRE, FIRE + timedelta(minutes=1))
        for ticker in ("PETR4", "petr4", "", None, "null")
    }
    assert len(ids) == 20


def test_a_naive_fire_time_has_no_job_id() -> None:
    with pytest.raises(ValueError, match="timezone"):
        occurrence_job_id("news", datetime(2026, 11, 23), None)


@pytest.mark.parametrize(
    ("rule", "trigger"),
    [
        (CronFields(hour="9-17", minute="0", day_of_week="0-4"), "cron minute=0 hour=9-17 day_of_week=0-4"),
        (UnixCron("30 10 * * mon-fri"), "cron '30 10 * * mon-fri'"),
        (Every(900), "every 15 min"),
        (CronFields(hour="9", minute="*"), "cron minute=* hour=9"),
        (CronFields(minute="30", day="1"), "cron minute=30 hour=* day=1"),
        (CronFields(minute="30"), "cron minute=30"),
        (CronFields(), "cron every minute"),
        (CronFields(second="*"), "cron second=*"),
        (Every(86_400), "every day"),
        (Every(604_800), "every week"),
        (Every(172_800), "every 2 days"),
        (Every(61), "every 61 s"),
        (Once(FIRE), "once at 2026-11-23T13:30:00+00:00"),
    ],
)
def test_a_rule_is_told_in_one_line(rule: CronFields | UnixCron | Every | Once, trigger: str) -> None:
    assert Schedule(name="a", scraper="B3", rule=rule).trigger == trigger


def test_a_document_has_the_fields_of_the_file() -> None:
    document = MINUTELY.document()
    assert document["enabled"] is True
    assert (document["type"], document["scraper"], document["seconds"]) == ("interval", "Valor", 60)
    assert document["tickers"] == ["PETR4", "VALE3"]


@pytest.mark.parametrize(
    ("catch_up", "late_seconds", "outcome"),
    [
        (CatchUp.LATEST, 0, "fired"),
        (CatchUp.LATEST, 5, "fired"),
        (CatchUp.LATEST, 6, "late"),
        (CatchUp.LATEST, 300, "late"),
        (CatchUp.LATEST, 301, "coalesced"),
        (CatchUp.NONE, 300, "late"),
        (CatchUp.NONE, 301, "missed"),
        (CatchUp.ALL, 86_400, "late"),
    ],
)
def test_lateness_and_policy_decide_what_becomes_of_an_occurrence(
    catch_up: CatchUp, late_seconds: int, outcome: str
) -> None:
    schedule = Schedule(name="a", scraper="B3", rule=Every(60), catch_up=catch_up)
    assert decide(schedule, FIRE, FIRE + timedelta(seconds=late_seconds))[0] == outcome


def test_the_newest_overdue_occurrence_fires_however_late_it_is() -> None:
    hourly = Schedule(name="a", scraper="B3", rule=CronFields(minute="0"))
    now = FIRE + timedelta(minutes=20)
    assert decide(hourly, now.replace(minute=0) - timedelta(hours=1), now)[0] == "coalesced"
    assert decide(hourly, now.replace(minute=0), now)[0] == "late"


def test_a_firing_lists_the_jobs_it_makes() -> None:
    occurrence = handle(MINUTELY, "Valor", FIRE, FIRE, 3)
    assert occurrence.firing.job_ids == [spec.id for spec in occurrence.specs]
    assert [spec.ticker for spec in occurrence.specs] == ["PETR4", "VALE3"]
    assert {(spec.max_retries, spec.timeout_seconds, spec.schedule_name) for spec in occurrence.specs} == {
        (3, None, "news")
    }


def test_what_a_schedule_says_of_retries_and_timeout_is_stronger_than_the_settings() -> None:
    schedule = Schedule(
        name="a", scraper="B3", rule=Every(60), max_retries=0, timeout_seconds=5, metadata={"desk": "equities"}
    )
    (spec,) = handle(schedule, "B3", FIRE, FIRE, 3).specs
    assert (spec.ticker, spec.max_retries, spec.timeout_seconds) == (None, 0, 5)
    assert spec.metadata["desk"] == "equities"


def test_an_occurrence_that_does_not_run_makes_no_jobs() -> None:
    schedule = Schedule(name="a", scraper="B3", rule=Every(60), catch_up=CatchUp.NONE)
    occurrence = handle(schedule, "B3", FIRE, FIRE + timedelta(days=1), 3)
    assert occurrence.firing.outcome == "missed"
    assert (occurrence.specs, occurrence.firing.job_ids) == ([], [])
