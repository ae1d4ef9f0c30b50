"""Schedules through the API: what there is, why it does or does not fire, and running one now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from tests.api_service import ApiService, api_service, serving

from pregao.api.schedules import schedule_router
from pregao.domain.clock import MARKET_ZONE
from pregao.queue.facts import Firing
from pregao.queue.views import QueueViews
from pregao.settings import Settings

FILE = """
schedules:
  rates:
    scraper: bcb
    type: cron
    hour: 10
    minute: 30
    day_of_week: "0-4"
    priority: high
    tickers: [SELIC, IPCA]
    max_retries: 1
    metadata: {desk: rates}
    description: Rates and inflation
  asleep: {scraper: B3, type: interval, days: 1, enabled: false}
  lost: {scraper: BCBB, type: interval, hours: 2, tickers: [SELIC]}
  past: {scraper: BCB, type: date, run_date: "2025-11-07T15:30:00"}
  odd/name: {scraper: BCB, type: interval, minutes: 5, timezone: Europe/Lisbon}
  bad: {scraper: BCB, type: interval, minutes: 0}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def mine(settings: Settings, path: Path) -> Settings:
    return settings.model_copy(update={"schedules_path": path})


@pytest.fixture
async def api(mine: Settings) -> AsyncIterator[ApiService]:
    async with api_service(mine) as service:
        yield service


async def listed(api: ApiService, **query: Any) -> dict[str, Any]:
    answer = await api.client.get("/api/schedules", params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def one(api: ApiService, name: str, **query: Any) -> dict[str, Any]:
    answer = await api.client.get(f"/api/schedules/{name}", params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def run(api: ApiService, name: str, *, key: str | None = None, status: int = 201, **body: Any) -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = await api.client.post(f"/api/schedules/{name}/run", json=body or None, headers=headers)
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    return document


def rewrite(path: Path, text: str | None) -> None:
    """Write the file anew, or delete it."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text)


async def waiting(api: ApiService) -> int:
    return (await QueueViews(api.redis).lengths()).total


async def test_a_schedule_is_shown_with_its_rule_its_scraper_and_what_comes_next(api: ApiService) -> None:
    rates = await one(api, "rates", firings=7)
    assert rates["rule"] == "at 10:30, Monday to Friday"
    assert rates["trigger"] == "cron minute=30 hour=10 day_of_week=0-4"
    assert (rates["enabled"], rates["priority"], rates["type"]) == (True, "high", "cron")
    assert (rates["scraper"], rates["scraper_name"], rates["why_silent"]) == ("bcb", "BCB", None)
    assert (rates["tickers"], rates["jobs"], rates["state"]) == (["SELIC", "IPCA"], 2, "scheduled")
    assert (rates["max_retries"], rates["metadata"]) == (1, {"desk": "rates"})
    assert rates["description"] == "Rates and inflation"
    firings = [datetime.fromisoformat(moment) for moment in rates["next_firings"]]
    assert len(firings) == 7
    assert firings == sorted(set(firings))
    assert all(moment.utcoffset() == moment.astimezone(MARKET_ZONE).utcoffset() for moment in firings)
    assert {(moment.hour, moment.minute) for moment in firings} == {(10, 30)}
    assert max(moment.weekday() for moment in firings) == 4
    assert rates["next_run_time"] == rates["next_firings"][0]


async def test_the_list_has_every_sound_schedule_and_what_is_wrong_with_the_file(api: ApiService, path: Path) -> None:
    found = await listed(api)
    by_name = {row["name"]: row for row in found["schedules"]}
    assert {name: row["state"] for name, row in by_name.items()} == {
        "rates": "scheduled",
        "asleep": "disabled",
        "lost": "no scraper",
        "past": "over",
        "odd/name": "scheduled",
    }
    assert by_name["lost"]["why_silent"] == "its scraper 'BCBB' is not installed; did you mean BCB?"
    assert (by_name["lost"]["scraper_name"], by_name["lost"]["next_firings"]) == (None, [])
    assert (by_name["asleep"]["why_silent"], by_name["asleep"]["next_firings"]) == ("it is disabled", [])
    assert (by_name["asleep"]["jobs"], by_name["past"]["why_silent"]) == (1, "nothing is left to fire")
    assert len(by_name["rates"]["next_firings"]) == 3
    [problem] = found["problems"]
    assert (problem["schedule"], problem["field"], problem["value"]) == ("bad", "minutes", "0")
    assert problem["fix"] == "use 1 or more"
    assert problem["text"].startswith(f"{path}:{problem['line']}: schedule bad: minutes: '0' is out of range")
    [warning] = found["warnings"]
    assert (warning["schedule"], warning["field"]) == ("past", "run_date")
    assert (found["file"], found["history_available"]) == (str(path), True)


async def test_warnings_of_one_schedule_are_its_own(api: ApiService) -> None:
    assert [warning["field"] for warning in (await one(api, "past"))["warnings"]] == ["run_date"]
    assert (await one(api, "rates"))["warnings"] == []


async def test_a_name_may_hold_a_slash(api: ApiService) -> None:
    assert (await one(api, "odd/name"))["rule"] == "every 5 minutes"
    assert (await one(api, "odd%2Fname"))["name"] == "odd/name"
    assert (await run(api, "odd%2Fname"))["schedule_name"] == "odd/name"


async def test_the_last_firing_is_shown_with_its_outcome_once_it_is_recorded(api: ApiService) -> None:
    assert (await one(api, "rates"))["last_firing"] is None
    moment = datetime(2026, 1, 5, 10, 30, tzinfo=MARKET_ZONE)
    shared: dict[str, Any] = {"schedule_name": "rates", "scraper_name": "BCB", "detail": "why"}
    for fire_time, outcome in ((moment, "coalesced"), (moment.replace(day=6), "fired")):
        assert await api.commands.fire(Firing(fire_time=fire_time, outcome=outcome, **shared), []) == "fired"
    await api.record()
    last = (await one(api, "rates"))["last_firing"]
    assert (last["outcome"], last["fire_time"]) == ("fired", "2026-01-06T10:30:00.000-03:00")
    assert (last["detail"], last["jobs"], last["job_ids"], last["run_id"]) == ("why", 0, [], None)
    rows = {row["name"]: row["last_firing"] for row in (await listed(api))["schedules"]}
    assert rows["rates"] == {key: value for key, value in last.items() if key != "job_ids"}
    assert rows["asleep"] is None


async def test_a_run_makes_the_jobs_of_the_schedule_at_once(api: ApiService) -> None:
    made = await run(api, "rates", requested_by="ana")
    assert (made["schedule_name"], made["scraper_name"], made["outcome"]) == ("rates", "BCB", "manual")
    assert (made["requested_by"], made["tickers"], made["jobs"]) == ("ana", ["SELIC", "IPCA"], 2)
    jobs = [await api.get(f"/{job_id}") for job_id in made["job_ids"]]
    assert [(job["scraper_name"], job["ticker"], job["priority"], job["status"]) for job in jobs] == [
        ("BCB", "SELIC", "high", "pending"),
        ("BCB", "IPCA", "high", "pending"),
    ]
    assert {(job["schedule_name"], job["max_retries"], job["metadata"]["desk"]) for job in jobs} == {
        ("rates", 1, "rates")
    }
    assert await waiting(api) == 2


async def test_a_run_is_the_last_firing_and_moves_nothing(api: ApiService) -> None:
    before = await one(api, "rates")
    made = await run(api, "rates", requested_by="ana")
    await api.record()
    after = await one(api, "rates")
    assert await api.commands.fired_marks() == {}
    assert after["next_firings"] == before["next_firings"]
    last = after["last_firing"]
    assert (last["outcome"], last["run_id"], last["requested_by"]) == ("manual", made["run_id"], "ana")
    assert (last["fire_time"], last["jobs"], last["job_ids"]) == (made["fire_time"], 2, made["job_ids"])


@pytest.mark.parametrize("name", ["asleep", "past"])
async def test_a_schedule_that_is_disabled_or_over_can_be_run(api: ApiService, name: str) -> None:
    made = await run(api, name)
    assert (made["jobs"], made["tickers"], made["requested_by"]) == (1, [], None)
    assert (await api.get(f"/{made['job_ids'][0]}"))["ticker"] is None


async def test_each_run_without_a_key_is_a_new_one(api: ApiService) -> None:
    runs = [await run(api, "rates") for _ in range(2)]
    assert len({made["run_id"] for made in runs}) == 2
    assert await waiting(api) == 4


async def test_a_run_that_is_repeated_with_its_key_answers_the_same(api: ApiService, path: Path) -> None:
    first = await run(api, "rates", key="close-of-day", requested_by="ana")
    assert await run(api, "rates", key="close-of-day", requested_by="ana", status=200) == first
    rewrite(path, "schedules: {}\n")
    assert await run(api, "rates", key="close-of-day", status=200) == first, "whatever became of the schedule"
    assert await waiting(api) == 2


async def test_a_run_that_is_asked_for_many_times_at_once_with_one_key_is_made_once(api: ApiService) -> None:
    request = {"url": "/api/schedules/rates/run", "headers": {"Idempotency-Key": "one"}}
    answers = await asyncio.gather(*(api.client.post(**request) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert await waiting(api) == 2


async def test_a_key_that_ran_another_schedule_is_refused(api: ApiService) -> None:
    await run(api, "rates", key="k")
    problem = await run(api, "asleep", key="k", status=409)
    assert problem["type"].endswith("schedule-refused")
    assert "used before, to run schedule rates" in problem["detail"]
    assert await waiting(api) == 2


async def test_a_run_of_thousands_of_tickers_is_made_whole(api: ApiService, path: Path) -> None:
    tickers = ", ".join(f"T{number}" for number in range(2_100))
    rewrite(path, f"schedules:\n  many: {{scraper: BCB, type: interval, days: 1, tickers: [{tickers}]}}\n")
    made = await run(api, "many", key="k")
    assert made["jobs"] == len(set(made["job_ids"])) == await waiting(api) == 2_100
    assert await run(api, "many", key="k", status=200) == made
    await api.record()
    last = (await one(api, "many"))["last_firing"]
    assert (last["outcome"], last["jobs"]) == ("manual", 2_100)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_schedule_is_a_404_with_names_that_come_close(api: ApiService, method: str) -> None:
    suffix = "/run" if method == "POST" else ""
    answer = await api.client.request(method, f"/api/schedules/Ratess{suffix}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    problem = answer.json()
    assert (problem["schedule"], problem["suggestions"]) == ("Ratess", ["rates"])
    assert "did you mean rates?" in problem["detail"]
    answer = await api.client.request(method, f"/api/schedules/zzz{suffix}")
    assert (answer.status_code, answer.json()["suggestions"]) == (404, [])
    assert "GET /api/schedules" in answer.json()["detail"]


async def test_a_schedule_whose_scraper_is_not_installed_is_refused_with_the_reason(api: ApiService) -> None:
    problem = await run(api, "lost", status=409)
    assert problem["detail"] == "schedule lost: its scraper 'BCBB' is not installed; did you mean BCB?"
    assert await waiting(api) == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_schedule_with_problems_is_refused_with_them(api: ApiService, method: str) -> None:
    answer = await api.client.request(method, f"/api/schedules/bad{'/run' if method == 'POST' else ''}")
    assert answer.status_code == 409
    assert "schedule bad: minutes: '0' is out of range; use 1 or more" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        ("requested_by", "", "leave it out"),
        ("requested_by", "a\0", "remove it"),
        ("requested_by", "x" * 201, "use at most 200"),
        ("requestedby", "ana", "did you mean requested_by?"),
    ],
)
async def test_a_bad_body_is_refused_with_field_and_fix(api: ApiService, field: str, value: str, fix: str) -> None:
    answer = await api.client.post("/api/schedules/rates/run", json={field: value})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], fix in error["fix"]) == (422, field, True)
    assert await waiting(api) == 0


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_that_cannot_be_one_is_refused(api: ApiService, key: str) -> None:
    problem = await run(api, "rates", key=key, status=422)
    assert "idempotency" in problem["errors"][0]["field"].lower()


@pytest.mark.parametrize("query", [{"firings": -1}, {"firings": 101}, {"firings": "x"}, {"firing": 1}])
async def test_a_bad_parameter_is_refused(api: ApiService, query: dict[str, Any]) -> None:
    assert (await api.client.get("/api/schedules", params=query)).status_code == 422


async def test_an_edit_is_seen_by_the_next_request_and_a_broken_one_leaves_what_was_there(
    api: ApiService, path: Path
) -> None:
    await listed(api)
    rewrite(path, "schedules:\n  new: {scraper: BCB, type: interval, hours: 1}\n")
    assert [row["name"] for row in (await listed(api))["schedules"]] == ["new"]
    rewrite(path, "schedules: [")
    found = await listed(api)
    assert [row["name"] for row in found["schedules"]] == ["new"]
    assert "is not YAML" in found["problems"][0]["problem"]
    assert (await run(api, "new"))["jobs"] == 1
    rewrite(path, None)
    assert "does not exist" in (await listed(api))["problems"][0]["problem"]


async def test_without_a_file_there_are_no_schedules_and_the_reason_is_told(mine: Settings, path: Path) -> None:
    rewrite(path, None)
    async with api_service(mine) as api:
        found = await listed(api)
        assert (found["schedules"], len(found["problems"])) == ([], 1)
        assert (await api.client.post("/api/schedules/rates/run")).status_code == 404


async def test_without_postgresql_schedules_are_shown_and_run_and_only_the_last_firing_is_not_known(
    mine: Settings,
) -> None:
    nowhere = mine.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    async with serving_api(nowhere) as client:
        found = (await client.get("/api/schedules")).json()
        assert (found["history_available"], len(found["schedules"])) == (False, 5)
        assert (await client.get("/api/schedules/rates")).json()["last_firing"] is None
        assert (await client.post("/api/schedules/rates/run")).status_code == 201


async def test_without_redis_schedules_are_shown_and_a_run_is_a_503(mine: Settings) -> None:
    nowhere = mine.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with serving_api(nowhere) as client:
        assert len((await client.get("/api/schedules")).json()["schedules"]) == 5
        answer = await client.post("/api/schedules/rates/run")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_after_a_flush_the_queue_is_rebuilt_by_the_first_run(api: ApiService) -> None:
    await api.create()
    await api.record()
    await api.redis.flushall()
    assert (await run(api, "rates"))["jobs"] == 2
    assert await waiting(api) == 3


def serving_api(settings: Settings) -> Any:
    """The router in another application."""
    app = FastAPI()
    app.include_router(schedule_router(settings))
    return serving(app)
