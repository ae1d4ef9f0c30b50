"""`ScraperScheduler` as scripts use it: it fires by itself, follows its file, and outlives its server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually

from pregao.configuration.problem import FileRefused
from pregao.domain.errors import UnsafeServer
from pregao.embedded.valkey import Valkey
from pregao.queue.connection import open_redis
from pregao.queue.facts import Firing, FiringFact, decode_entry
from pregao.queue.keys import Keys
from pregao.queue.views import QueueViews
from pregao.scheduler.service import ScraperScheduler
from pregao.settings import Settings

EVERY_SECOND = "schedules:\n  {name}: {{scraper: BCB, type: interval, seconds: 1, tickers: [SELIC]}}\n"
DEADLINE_SECONDS = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(EVERY_SECOND.format(name="rates"))
    return path


@pytest.fixture
async def scheduler(path: Path, settings: Settings) -> AsyncIterator[ScraperScheduler]:
    scheduler = ScraperScheduler(path, settings=settings)
    yield scheduler
    await scheduler.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)


def rewrite(path: Path, text: str | None) -> None:
    """Write the file anew, or delete it."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text)


async def firings_of(redis: redis_asyncio.Redis, name: str, at_least: int) -> list[Firing]:
    """The firings of a schedule, as soon as there are enough."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            facts = [decode_entry(entry, fields) for entry, fields in await redis.xrange(Keys().outbox)]
            found = [fact.firing for fact in facts if isinstance(fact, FiringFact)]
            mine = [firing for firing in found if firing.schedule_name == name]
            if len(mine) >= at_least:
                return mine
            await asyncio.sleep(0.05)


async def test_it_fires_by_itself(scheduler: ScraperScheduler, redis: redis_asyncio.Redis) -> None:
    await scheduler.initialize()
    await scheduler.start()
    firings = await firings_of(redis, "rates", 2)
    assert firings[1].fire_time - firings[0].fire_time == timedelta(seconds=1)
    assert {firing.outcome for firing in firings} == {"fired"}
    assert await redis.llen(Keys().prefix + "jobs:normal") >= 2


async def test_the_contracts_snippet_lists_the_next_firings(scheduler: ScraperScheduler) -> None:
    await scheduler.initialize()
    (before,) = scheduler.get_jobs()
    await scheduler.start()
    (job,) = scheduler.get_jobs()
    assert set(job) >= {"id", "name", "next_run_time", "trigger"}
    assert (job["id"], job["name"], job["trigger"]) == ("rates", "rates", "every 1 s")
    assert datetime.fromisoformat(before["next_run_time"]) <= datetime.now(UTC) + timedelta(seconds=1)
    assert scheduler.schedules["rates"].get("scraper") == "BCB"


async def test_the_shipped_file_is_the_default(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    scheduler = ScraperScheduler(settings=settings)
    await scheduler.initialize()
    assert len(scheduler.schedules) == 15
    states = {job["id"]: job["state"] for job in scheduler.get_jobs()}
    assert (states["bcb_indicators"], states["market_data_hourly"]) == ("scheduled", "scheduled")


async def test_a_schedule_whose_scraper_lacks_its_key_says_so_and_does_not_fire(
    path: Path, settings: Settings, redis: redis_asyncio.Redis
) -> None:
    rates, keyed = EVERY_SECOND.format(name="rates"), EVERY_SECOND.format(name="keyed").replace("BCB", "Keyed")
    rewrite(path, rates + keyed.partition("\n")[2])
    keyless = settings.model_copy(update={"extra_scrapers": ("tests.sample_scrapers:Keyed",)})
    scheduler = ScraperScheduler(path, settings=keyless)
    await scheduler.start()
    try:
        await firings_of(redis, "rates", 3)
        assert await firings_of(redis, "keyed", 0) == []
    finally:
        await scheduler.stop()
    states = {job["id"]: (job["state"], job["next_run_time"]) for job in scheduler.get_jobs()}
    assert states["keyed"] == ("not configured: set SAMPLE_API_KEY", None)


async def test_a_missing_file_refuses_to_start(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(FileRefused):
        await ScraperScheduler(tmp_path / "none.yaml", settings=settings).start()


async def test_stop_before_start_and_twice_do_nothing(scheduler: ScraperScheduler) -> None:
    await scheduler.stop()
    await scheduler.start()
    await scheduler.start()
    await scheduler.stop()
    await scheduler.stop()


async def test_two_schedulers_fire_each_occurrence_once(
    path: Path, settings: Settings, redis: redis_asyncio.Redis
) -> None:
    pair = [ScraperScheduler(path, settings=settings) for _ in range(2)]
    try:
        for scheduler in pair:
            await scheduler.start()
        firings = await firings_of(redis, "rates", 3)
    finally:
        for scheduler in pair:
            await scheduler.stop()
    times = [firing.fire_time for firing in firings]
    assert times == [times[0] + timedelta(seconds=n) for n in range(len(times))]


async def test_a_changed_file_is_taken_over(
    scheduler: ScraperScheduler, path: Path, redis: redis_asyncio.Redis
) -> None:
    await scheduler.start()
    rewrite(path, EVERY_SECOND.format(name="other"))
    assert await firings_of(redis, "other", 1)
    assert list(scheduler.schedules) == ["other"]


@pytest.mark.parametrize("broken", ["schedules: [", "", "schedules:\n  a: 5\n", None])
async def test_a_broken_file_keeps_the_last_good_one_and_says_so(
    scheduler: ScraperScheduler, path: Path, redis: redis_asyncio.Redis, broken: str | None
) -> None:
    await scheduler.start()
    rewrite(path, broken)
    await until(lambda: scheduler.problems)
    seen = len(await firings_of(redis, "rates", 0))
    assert await firings_of(redis, "rates", seen + 1)
    assert list(scheduler.schedules) == ["rates"]


async def test_a_server_that_goes_away_is_waited_for_and_caught_up(
    path: Path, settings: Settings, valkey_server: Valkey
) -> None:
    scheduler = ScraperScheduler(path, settings=settings.model_copy(update={"redis_url": valkey_server.url}))
    redis = open_redis(valkey_server.url)
    try:
        await scheduler.start()
        before = await firings_of(redis, "rates", 1)
        await asyncio.to_thread(valkey_server.kill)
        await asyncio.to_thread(valkey_server.start)
        firings = await firings_of(redis, "rates", len(before) + 3)
    finally:
        await scheduler.stop()
        await redis.aclose()
    times = [firing.fire_time for firing in firings]
    assert times == [times[0] + timedelta(seconds=n) for n in range(len(times))]


async def test_an_emptied_redis_is_rebuilt_and_firing_goes_on(
    scheduler: ScraperScheduler, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    await scheduler.start()
    await firings_of(redis, "rates", 1)
    await redis.flushall()
    assert await firings_of(redis, "rates", 1)
    assert await pool.fetchval("SELECT 1") == 1


async def test_a_server_that_evicts_is_refused(scheduler: ScraperScheduler, redis: redis_asyncio.Redis) -> None:
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        await scheduler.start()
        with pytest.raises(UnsafeServer):
            await scheduler.wait()
        with pytest.raises(UnsafeServer):
            await scheduler.stop()
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")


async def test_it_says_that_it_lives_and_what_is_wrong_with_its_file_until_it_stops(
    scheduler: ScraperScheduler, redis: redis_asyncio.Redis, path: Path
) -> None:
    rewrite(path, EVERY_SECOND.format(name="rates") + "  broken: {scraper: BCB, type: interval}\n")
    await scheduler.start()
    views = QueueViews(redis)
    (alive,) = await eventually(views.schedulers)
    assert alive.schedules == 1
    assert "schedule broken" in alive.problems[0]
    await scheduler.stop()
    assert await views.schedulers() == []


async def test_an_edit_that_cannot_even_be_read_does_not_end_it(
    scheduler: ScraperScheduler, redis: redis_asyncio.Redis, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scheduler.start()
    await firings_of(redis, "rates", 1)

    def fails(*_: object, **__: object) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr("pregao.scheduler.watched_file.load_schedules", fails)
    rewrite(path, EVERY_SECOND.format(name="rates") + "# touched\n")
    await until(lambda: scheduler.problems)
    seen = len(await firings_of(redis, "rates", 1))
    assert len(await firings_of(redis, "rates", seen + 2)) > seen
    assert "date value out of range" in str(scheduler.problems[0])
