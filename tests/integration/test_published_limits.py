"""The limits that all workers share, as they come into Redis, and what becomes of jobs there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec
from tests.limiting import SomeNames, written
from tests.working import SettingsMaker, ended, has_length, open_gate, scrapes, working

from pregao.domain.clock import ManualClock
from pregao.domain.job import JobStatus
from pregao.limits.live import LiveLimits
from pregao.limits.publish import PUBLISHED, Publisher, publish_limits
from pregao.queue.commands import QueueCommands
from pregao.queue.controls import cap_field
from pregao.queue.keys import Keys
from pregao.queue.views import QueueViews
from pregao.settings import Settings
from pregao.store.history import History
from pregao.store.recorder import Recorder
from pregao.store.scraper_overrides import ScraperOverrides

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WHO = "config/scrapers.yaml"
FILE = """
defaults: {breaker_failures: 0}
scrapers:
  B3:
    concurrency: 2
    rate: 30/min
    min_interval_seconds: 1.5
    hosts: [b3.com.br, www.b3.com.br]
    weight: 2
    breaker_failures: 4
    enabled: false
hosts:
  b3.com.br: {concurrency: 3, rate: 2/s}
"""
QUIET = "defaults: {breaker_failures: 0}\n"
RULES = {
    "cap:scraper:b3": "2",
    "rate:scraper:b3": "30/60000",
    "interval:scraper:b3": "1500",
    "hosts:scraper:b3": "b3.com.br,www.b3.com.br",
    "weight:scraper:b3": "2",
    "breaker:scraper:b3": "4",
    "off:scraper:b3": "1",
    "cap:host:b3.com.br": "3",
    "rate:host:b3.com.br": "2/1000",
}


class Files:
    """The limits of one process, whose file the test writes; each edit is taken over at once."""

    def __init__(self, settings: Settings, names: SomeNames | None = None) -> None:
        self.clock = ManualClock(AT)
        self.limits = LiveLimits(settings, names or SomeNames(), clock=self.clock)
        self._directory = settings.scrapers_file.parent

    async def write(self, text: str) -> None:
        written(self._directory, text)
        await self.look()

    async def look(self) -> None:
        self.clock.advance(timedelta(seconds=3))
        await self.limits.look()


@pytest.fixture
def files(settings: Settings) -> Files:
    return Files(settings)


async def rules(queue: QueueCommands) -> dict[str, str]:
    """What is written, without the list of what is."""
    return {name: value for name, value in (await queue.control_fields()).items() if name != PUBLISHED}


async def audited(redis: redis_asyncio.Redis, pool: asyncpg.Pool) -> list[tuple[str, str]]:
    """Who changed which rule, oldest first."""
    while await Recorder(redis, pool).step():
        pass
    entries = reversed(await History(pool).audit())
    return [(one["who"], one["what"]) for one in entries if one["what"] != PUBLISHED]


async def test_every_limit_that_workers_share_has_its_field(queue: QueueCommands, files: Files) -> None:
    await files.write(FILE)
    await publish_limits(queue, files.limits, WHO)
    assert await rules(queue) == RULES
    assert msgspec.json.decode((await queue.control_fields())[PUBLISHED]) == dict.fromkeys(RULES, "file")


async def test_only_what_differs_is_written(
    queue: QueueCommands, files: Files, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    await files.write(FILE)
    assert await publish_limits(queue, files.limits, WHO) == len(RULES) + 1
    assert await publish_limits(queue, files.limits, WHO) == 0
    await files.write(FILE.replace("30/min", "20/min"))
    assert await publish_limits(queue, files.limits, WHO) == 1
    changes = await audited(redis, pool)
    assert changes[len(RULES) :] == [(WHO, "rate:scraper:b3")]


async def test_without_limits_nothing_is_written(queue: QueueCommands, files: Files) -> None:
    await files.write("scrapers: {}")
    assert await publish_limits(queue, files.limits, WHO) == 0
    assert await queue.control_fields() == {}


async def test_what_holds_for_all_scrapers_is_written_for_each_that_is_here(queue: QueueCommands, files: Files) -> None:
    await files.write("defaults: {concurrency: 5, breaker_failures: 0}\nscrapers: {Google News: {concurrency: none}}")
    await publish_limits(queue, files.limits, WHO, ["B3", "Google News"])
    assert await rules(queue) == {"cap:scraper:b3": "5"}


async def test_a_changed_limit_is_written_in_the_name_of_who_changed_it(
    queue: QueueCommands, files: Files, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    changes = {"rate": "5/min", "enabled": False}
    await ScraperOverrides(pool).change("b3", "B3", changes, who="ana, of the desk", at=AT)
    await files.write(f"{QUIET}scrapers: {{B3: {{concurrency: 2}}}}")
    await publish_limits(queue, files.limits, WHO)
    told = [entry for entry in await audited(redis, pool) if not entry[1].startswith("limit:")]
    assert sorted(told) == [
        ("ana, of the desk", "off:scraper:b3"),
        ("ana, of the desk", "rate:scraper:b3"),
        (WHO, "cap:scraper:b3"),
    ]


async def test_what_is_no_limit_any_more_is_taken_away_and_what_somebody_set_by_hand_is_not(
    queue: QueueCommands, files: Files
) -> None:
    await queue.control(cap_field("Google News"), "1", "ana")
    await queue.control("fair", "5", "ana")
    await files.write(FILE)
    await publish_limits(queue, files.limits, WHO)
    await files.write(f"{QUIET}scrapers: {{B3: {{concurrency: 2}}}}")
    await publish_limits(queue, files.limits, WHO)
    assert await rules(queue) == {"cap:scraper:b3": "2", "cap:scraper:googlenews": "1", "fair": "5"}


@pytest.mark.parametrize("broken", ["scrapers: {B3: {rate: often}}", "", None])
async def test_a_worker_whose_file_is_not_sound_takes_nothing_away(
    queue: QueueCommands, files: Files, settings: Settings, broken: str | None
) -> None:
    await files.write(FILE)
    await publish_limits(queue, files.limits, WHO)
    if broken is None:
        settings.scrapers_file.unlink()
    else:
        written(settings.scrapers_file.parent, broken)
    for other in (files, Files(settings)):
        await other.look()
        await publish_limits(queue, other.limits, WHO, ["B3"])
        assert await rules(queue) == RULES


async def test_a_change_that_is_taken_back_is_gone_on_hosts_without_a_file_too(
    queue: QueueCommands, files: Files, pool: asyncpg.Pool
) -> None:
    overrides = ScraperOverrides(pool)
    await overrides.change("b3", "B3", {"enabled": False, "breaker_failures": 2}, who="ana", at=AT)
    await files.look()
    await publish_limits(queue, files.limits, WHO, ["B3"])
    assert await rules(queue) == {"off:scraper:b3": "1", "breaker:scraper:b3": "2"}
    await overrides.change("b3", "B3", {"enabled": None, "breaker_failures": None}, who="ana", at=AT)
    await files.look()
    await publish_limits(queue, files.limits, WHO, ["B3"])
    assert await rules(queue) == {"breaker:scraper:b3": "5"}


async def test_a_worker_that_does_not_know_the_changes_leaves_them(
    queue: QueueCommands, files: Files, settings: Settings, pool: asyncpg.Pool, unused_tcp_port: int
) -> None:
    await ScraperOverrides(pool).change("b3", "B3", {"concurrency": 9, "rate": "1/s"}, who="ana", at=AT)
    await files.write(f"{QUIET}scrapers: {{B3: {{concurrency: 2}}}}")
    await publish_limits(queue, files.limits, WHO)
    away = f"postgresql://x@127.0.0.1:{unused_tcp_port}/x"
    other = Files(settings.model_copy(update={"database_url": away}))
    await other.look()
    await publish_limits(queue, other.limits, WHO)
    assert await rules(queue) == {"cap:scraper:b3": "9", "rate:scraper:b3": "1/1000"}


async def test_a_worker_leaves_the_limits_of_scrapers_that_it_does_not_know(
    queue: QueueCommands, settings: Settings
) -> None:
    await queue.control(PUBLISHED, '{"cap:scraper:b3": "file"}', WHO)
    await queue.control("cap:scraper:b3", "2", WHO)
    stranger = Files(settings, SomeNames("Google News"))
    await stranger.write(f"{QUIET}scrapers: {{Google News: {{concurrency: 1}}}}")
    await publish_limits(queue, stranger.limits, WHO, ["Google News"])
    assert await rules(queue) == {"cap:scraper:b3": "2", "cap:scraper:googlenews": "1"}


async def test_a_list_of_what_was_written_that_somebody_broke_costs_nothing_but_its_cleaning(
    queue: QueueCommands, files: Files
) -> None:
    await queue.control(PUBLISHED, "[1", "ana")
    await files.write(FILE)
    await publish_limits(queue, files.limits, WHO)
    assert await rules(queue) == RULES


async def test_a_publisher_writes_at_the_start_at_changes_and_into_a_redis_that_was_emptied(
    queue: QueueCommands, files: Files, redis: redis_asyncio.Redis
) -> None:
    publisher = Publisher(queue, files.limits, WHO, list)
    await files.write(f"{QUIET}scrapers: {{B3: {{concurrency: 2}}}}")
    await publisher.step()
    assert await rules(queue) == {"cap:scraper:b3": "2"}
    await queue.control(cap_field("B3"), "9", "ana")
    await publisher.step()
    assert await rules(queue) == {"cap:scraper:b3": "9"}, "it writes when limits change, and not against anybody"
    await files.write(f"{QUIET}scrapers: {{B3: {{concurrency: 3}}}}")
    await publisher.step()
    assert await rules(queue) == {"cap:scraper:b3": "3"}
    await redis.flushall()
    await publisher.step()
    assert await rules(queue) == {}, "a Redis without a generation is not one to write into"
    await redis.set(Keys().generation, 2)
    await publisher.step()
    assert await rules(queue) == {"cap:scraper:b3": "3"}


async def test_a_limit_holds_over_all_workers_as_soon_as_it_is_written(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, pool: asyncpg.Pool
) -> None:
    settings = make_settings()
    Path(settings.scrapers_file).write_text("scrapers: {Gated: {concurrency: 2}}")

    async def cap() -> str | None:
        return (await rules(queue)).get("cap:scraper:gated")

    async with working(settings, slots=4), working(settings, slots=4):
        await eventually(cap, lambda now: now == "2")
        await queue.enqueue([spec("Gated", str(number)) for number in range(6)])
        await eventually(scrapes, lambda seen: has_length(2, seen))
        await ScraperOverrides(pool).change("gated", "Gated", {"concurrency": 3}, who="ana", at=AT)
        await eventually(scrapes, lambda seen: has_length(3, seen), what="the third job, allowed by the change")
        assert (await views.lengths()).running == 3


async def test_the_first_claim_of_a_new_system_finds_the_limits(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    """Its jobs came before its first worker, which is who writes them."""
    settings = make_settings()
    Path(settings.scrapers_file).write_text(
        "{scrapers: {Gated: {hosts: [b3.com.br]}}, hosts: {b3.com.br: {concurrency: 1}}}"
    )
    await queue.enqueue([spec("Gated", str(number)) for number in range(6)])
    async with working(settings, slots=6):
        await eventually(scrapes)
        assert (await scrapes(), (await views.lengths()).running) == (["0"], 1)


async def test_the_jobs_of_a_scraper_that_is_disabled_wait_and_run_when_it_is_enabled(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, pool: asyncpg.Pool
) -> None:
    overrides = ScraperOverrides(pool)
    await overrides.change("echo", "Echo", {"enabled": False}, who="ana", at=AT)

    async def off() -> bool:
        return "off:scraper:echo" in await rules(queue)

    async with working(make_settings()):
        await eventually(off)
        held, other = spec("Echo", "held"), spec("Gated", "other")
        await queue.enqueue([held, other])
        open_gate()
        await ended(views, other, JobStatus.COMPLETED)
        assert await views.status(held.id) is JobStatus.PENDING
        await overrides.change("echo", "Echo", {"enabled": None}, who="ana", at=AT)
        await ended(views, held, JobStatus.COMPLETED)
