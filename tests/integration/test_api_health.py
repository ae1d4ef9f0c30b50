"""Queue status, statistics and health."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from tests.api_service import WORKER, ApiService, api_service, serving
from tests.running_jobs import a_spec

from pregao.api.app import create_app
from pregao.queue.facts import Firing
from pregao.settings import Settings


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[ApiService]:
    async with api_service(settings) as service:
        yield service


async def test_queue_status_counts_ready_jobs_by_priority(api: ApiService) -> None:
    for priority, number in (("high", 1), ("normal", 2), ("low", 3)):
        for _ in range(number):
            await api.create(priority=priority)
    await api.run((await api.create())["id"])
    await api.fail_for_now((await api.create())["id"], delay_ms=60_000)
    status = await api.get("/queue/status")
    assert list(status)[:4] == ["high", "normal", "low", "total"]
    counts = {"high": 1, "normal": 2, "low": 3, "total": 6, "delayed": 1, "running": 1, "parked": 0}
    held = {"paused": [], "breakers": [], "slowed": [], "logins": [], "held_workers": []}
    assert status == {**counts, **held, "sample": False}


async def test_statistics_of_nothing_are_zeros(api: ApiService) -> None:
    assert await api.get("/stats/summary") == {
        "period": "24h",
        "total_jobs": 0,
        "successful_jobs": 0,
        "failed_jobs": 0,
        "ignored_jobs": 0,
        "success_rate": 0.0,
        "avg_response_time_seconds": None,
        "last_execution": None,
    }
    assert await api.get("/stats/by-scraper") == {"period": "24h", "scrapers": []}


async def test_statistics_count_recorded_results(api: ApiService) -> None:
    for _ in range(3):
        await api.complete((await api.create())["id"], 1, response_time_seconds=2.0)
    await api.fail((await api.create("BCB"))["id"], response_time_seconds=4.0)
    await api.record()
    summary = await api.get("/stats/summary")
    assert summary.pop("last_execution").endswith("-03:00")
    assert summary == {
        "period": "24h",
        "total_jobs": 4,
        "successful_jobs": 3,
        "failed_jobs": 1,
        "ignored_jobs": 0,
        "success_rate": 75.0,
        "avg_response_time_seconds": 2.5,
    }
    scrapers = (await api.get("/stats/by-scraper"))["scrapers"]
    assert [(one["scraper_name"], one["total_jobs"], one["success_rate"]) for one in scrapers] == [
        ("B3", 3, 100.0),
        ("BCB", 1, 0.0),
    ]


async def finished(api: ApiService, scraper_name: str, seconds: float | None = None) -> str:
    """A completed job of a script that names the scraper in its own way; its id."""
    spec = a_spec(scraper_name=scraper_name)
    await api.commands.enqueue([spec])
    await api.complete(spec.id, 1, response_time_seconds=seconds)
    return spec.id


async def counted_by_scraper(client: httpx.AsyncClient) -> list[tuple[str, int, float | None]]:
    scrapers = (await client.get("/api/jobs/stats/by-scraper")).json()["scrapers"]
    return [(one["scraper_name"], one["total_jobs"], one["avg_response_time_seconds"]) for one in scrapers]


async def test_statistics_put_the_spellings_of_one_scraper_together(api: ApiService) -> None:
    pushed = [await finished(api, name, seconds) for name, seconds in (("bcb", 1.0), ("BCB", 4.0), ("B.C.B.", None))]
    pushed += [await finished(api, "bcb", 4.0), await finished(api, "B3", 1.0)]
    await api.record()
    assert await counted_by_scraper(api.client) == [("BCB", 4, 3.0), ("B3", 1, 1.0)]
    assert [(await api.get(f"/{job_id}"))["scraper_name"] for job_id in pushed[:3]] == ["bcb", "BCB", "B.C.B."]


async def test_statistics_know_the_scrapers_that_only_workers_have(api: ApiService) -> None:
    for name in ("farprices", "FarPrices"):
        await finished(api, name)
    await api.heartbeat()
    await api.record()
    assert await counted_by_scraper(api.client) == [("Far Prices", 2, None)]


async def test_statistics_count_the_spellings_of_an_unknown_scraper_as_one_with_or_without_redis(
    api: ApiService, settings: Settings
) -> None:
    for name in ("nobody", "Nobody", "nobody", "???", "!!!"):
        await finished(api, name)
    await api.record()
    expected = [("nobody", 3, None), ("!!!", 1, None), ("???", 1, None)]
    assert await counted_by_scraper(api.client) == expected
    async with serving(create_app(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))) as client:
        assert await counted_by_scraper(client) == expected


async def test_statistics_look_back_as_far_as_the_period_says(api: ApiService) -> None:
    await api.complete((await api.create())["id"])
    await api.record()
    await api.pool.execute("UPDATE scraper_results SET executed_at = executed_at - interval '2 hours'")
    counted = {
        period: (await api.get("/stats/summary", period=period))["total_jobs"] for period in ("30m", "3h", "7d", "1w")
    }
    assert counted == {"30m": 0, "3h": 1, "7d": 1, "1w": 1}


@pytest.mark.parametrize("period", ["", "24", "h", "-1h", "0h", "1y", "99999d", "24 hours"])
@pytest.mark.parametrize("path", ["summary", "by-scraper"])
async def test_a_bad_period_is_refused_with_examples(api: ApiService, path: str, period: str) -> None:
    answer = await api.client.get(f"/api/jobs/stats/{path}", params={"period": period})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"] == "period"
    assert "24h" in error["fix"]


async def test_with_a_worker_and_all_recorded_the_system_is_healthy(api: ApiService) -> None:
    await api.heartbeat()
    await api.create(priority="high")
    await api.record()
    health = await api.get("/health")
    assert list(health)[:5] == ["status", "redis", "database", "queue", "timestamp"]
    assert (health["status"], health["redis"], health["database"]) == ("healthy", "healthy", "healthy")
    assert (health["queue"]["high"], health["problems"]) == (1, [])
    assert health["timestamp"].endswith("-03:00")
    workers = health["components"]["workers"]
    assert (workers["alive"], workers["working"], workers["slots"]) == (1, 1, 3)
    assert health["components"]["recorder"] == {"lag_seconds": 0.0, "entries": 0, "bytes": 0, "dead_facts": 0}


async def test_a_worker_whose_memory_is_full_degrades_the_system_and_is_named_with_the_numbers(api: ApiService) -> None:
    why = "no job is taken while memory is full: the machine's memory is at 91 % of 16.0 GiB"
    full = msgspec.structs.replace(WORKER, held=why, holds=2, memory_percent=91.2, used_slots=2, used_browsers=1)
    await api.heartbeat(full)
    health = await api.get("/health")
    told = f"worker {WORKER.id.rpartition(':')[0] or WORKER.id}: {why}"
    assert (health["status"], health["problems"]) == ("degraded", [told])
    workers = health["components"]["workers"]
    assert (workers["working"], workers["held"], workers["used_slots"]) == (1, 1, 2)
    [member] = workers["members"]
    assert (member["held"], member["holds"], member["memory_percent"], member["used_browsers"]) == (why, 2, 91.2, 1)
    assert (await api.get("/queue/status"))["held_workers"] == [told]


async def test_without_a_worker_the_system_is_unhealthy(api: ApiService) -> None:
    answer = await api.client.get("/api/jobs/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert "no worker" in answer.json()["problems"][0]


@pytest.mark.parametrize("state", ["draining", "by hand"])
async def test_a_worker_that_takes_no_more_jobs_does_not_make_the_system_healthy(api: ApiService, state: str) -> None:
    await api.heartbeat(msgspec.structs.replace(WORKER, state=state))
    assert (await api.client.get("/api/jobs/health")).status_code == 503


async def test_without_a_generation_marker_the_system_is_unhealthy(api: ApiService) -> None:
    await api.heartbeat()
    await api.redis.delete("scraper:generation")
    answer = await api.client.get("/api/jobs/health")
    assert answer.status_code == 503
    assert "generation" in answer.json()["problems"][0]


async def test_a_refused_fact_degrades_the_system(api: ApiService) -> None:
    await api.heartbeat()
    await api.redis.xadd("scraper:outbox:dead", {"why": "it"})
    health = await api.get("/health")
    assert (health["status"], health["components"]["recorder"]["dead_facts"]) == ("degraded", 1)


async def test_facts_that_wait_for_long_degrade_the_system(api: ApiService) -> None:
    await api.heartbeat()
    seconds, _ = await api.redis.time()
    await api.redis.xadd("scraper:outbox", {"job": "x"}, id=f"{seconds - 100}000-0")
    health = await api.get("/health")
    assert health["status"] == "degraded"
    assert health["components"]["recorder"]["lag_seconds"] >= 99


async def test_health_tells_the_last_firing_of_the_scheduler(api: ApiService) -> None:
    await api.heartbeat()
    fire_time = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    await api.commands.fire(Firing(schedule_name="daily", scraper_name="B3", fire_time=fire_time), [])
    await api.record()
    scheduler = (await api.get("/health"))["components"]["scheduler"]
    assert (scheduler["last_schedule"], scheduler["last_outcome"]) == ("daily", "fired")
    assert datetime.fromisoformat(scheduler["last_fire_time"]) == fire_time


@pytest.mark.parametrize("sample", [True, False])
async def test_health_and_queue_status_say_whether_all_is_a_sample(settings: Settings, sample: bool) -> None:
    async with api_service(settings.model_copy(update={"sample": sample})) as service:
        assert (await service.client.get("/api/jobs/health")).json()["sample"] is sample
        assert (await service.get("/queue/status"))["sample"] is sample
