"""What a worker takes: as much as its slots hold, its browsers allow and memory has room for, and no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec
from tests.sample_scrapers import Recorded
from tests.working import SettingsMaker, ended, has_length, open_gate, scrapes, working

from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews, WorkerFacts
from pregao.worker.memory import MemoryUse
from pregao.worker.processor import JobProcessor

LEASE_MS = "900"
"""Renewed every 300 ms: as often beats the heart that the tests look at."""
AT_ONCE_SECONDS = 5.0
"""Half of what a waiting claim waits when nothing calls it back."""


class Memory:
    """The use of memory that the worker sees, in percent; the test sets it."""

    def __init__(self, percent: int) -> None:
        self.percent = percent

    def __call__(self) -> MemoryUse:
        return MemoryUse(self.percent, 100, "the machine's memory")


def begun() -> list[Any]:
    return [argument for call, argument in Recorded.calls if call == "begin"]


def finish(*arguments: str) -> None:
    for argument in arguments:
        Recorded.door(argument).set()


def most_at_once(weight_of: Callable[[str], int]) -> int:
    """The most that the attempts of `Recorded` weighed together, from their beginnings and ends in order."""
    now = most = 0
    for call, argument in Recorded.calls:
        if call in ("begin", "end"):
            now += weight_of(argument) if call == "begin" else -weight_of(argument)
            most = max(most, now)
    return most


async def until_begun(*arguments: str, seconds: float = 20.0) -> None:
    """Wait until exactly these have begun, in any order."""

    async def seen() -> list[Any]:
        return sorted(begun())

    await eventually(seen, lambda now: now == sorted(arguments), seconds=seconds, what=f"{arguments} beginning")


async def facts_of(views: QueueViews, accept: Callable[[WorkerFacts], bool]) -> WorkerFacts:
    """The facts of the one worker, once they are as they should be."""
    workers = await eventually(views.workers, lambda found: len(found) == 1 and accept(found[0]), what="such facts")
    return workers[0]


async def calls_of(redis: redis_asyncio.Redis, *commands: str) -> int:
    stats: Mapping[str, Any] = await redis.info("commandstats")
    return sum(stats.get(f"cmdstat_{command}", {}).get("calls", 0) for command in commands)


def jobs_of(*named: str) -> list[JobSpec]:
    """Jobs by the first letter of their argument: l for Light, h for Heavy, s for Surfer."""
    names = {"l": "Light", "h": "Heavy", "s": "Surfer"}
    return [spec(names[argument[0]], argument) for argument in named]


@pytest.fixture
def weigh(tmp_path: Path) -> Callable[[int], None]:
    """Give the heavy ones their weight."""

    def write(weight: int) -> None:
        (tmp_path / "home" / "scrapers.yaml").write_text(f"scrapers:\n  Heavy: {{weight: {weight}}}\n")

    return write


async def weighs(queue: QueueCommands, weight: int) -> None:
    """Wait until the worker has told the queue."""
    await eventually(queue.control_fields, lambda fields: fields.get("weight:scraper:heavy") == str(weight))


# --- slots -----------------------------------------------------------------------------------------------------------


async def test_jobs_of_any_weight_never_weigh_more_than_there_are_slots(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, weigh: Callable[[int], None]
) -> None:
    settings = make_settings()
    weigh(3)
    jobs = jobs_of(*[f"{'h' if number % 3 == 1 else 'l'}{number}" for number in range(30)])
    async with working(settings, slots=5):
        await weighs(queue, 3)
        await queue.enqueue(jobs)
        opened = 0
        while opened < len(jobs):
            await eventually(lambda: asyncio.sleep(0, len(begun())), lambda count, least=opened: count > least)
            finish(begun()[opened])
            opened += 1
        for job in jobs:
            await ended(views, job, JobStatus.COMPLETED)
    assert most_at_once(lambda argument: 3 if argument[0] == "h" else 1) == 5
    assert begun() == [job.ticker for job in jobs], "nothing is passed over"


async def test_a_job_that_fits_later_is_taken_as_soon_as_it_does(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, weigh: Callable[[int], None]
) -> None:
    settings = make_settings(PREGAO_LEASE_MS=LEASE_MS)
    weigh(3)
    async with working(settings, slots=5):
        await weighs(queue, 3)
        await queue.enqueue(jobs_of("l1", "l2", "l3", "h1", "l4"))
        await until_begun("l1", "l2", "l3")
        facts = await facts_of(views, lambda facts: facts.running == 3)
        assert (facts.slots, facts.used_slots) == (5, 3)
        finish("l2")
        await until_begun("l1", "l2", "l3", "h1")
        await facts_of(views, lambda facts: (facts.running, facts.used_slots) == (3, 5))
        finish("h1")
        await until_begun("l1", "l2", "l3", "h1", "l4")


async def test_a_job_that_weighs_more_than_the_worker_has_runs_alone(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, weigh: Callable[[int], None]
) -> None:
    settings = make_settings()
    weigh(7)
    jobs = jobs_of("l1", "h1", "l2")
    async with working(settings, slots=2):
        await weighs(queue, 7)
        await queue.enqueue(jobs)
        await until_begun("l1")
        finish("l1")
        await until_begun("l1", "h1")
        finish("h1", "l2")
        for job in jobs:
            await ended(views, job, JobStatus.COMPLETED)
    order = [(call, argument) for call, argument in Recorded.calls if call in ("begin", "end")]
    assert order == [(call, argument) for argument in ("l1", "h1", "l2") for call in ("begin", "end")]


async def test_a_job_that_takes_nearly_all_of_many_slots_is_not_left_lying(
    make_settings: SettingsMaker, queue: QueueCommands, weigh: Callable[[int], None]
) -> None:
    """A claim is for half of the free slots at first."""
    settings = make_settings()
    weigh(90)
    async with working(settings, slots=100):
        await weighs(queue, 90)
        await queue.enqueue(jobs_of("h1"))
        await until_begun("h1", seconds=AT_ONCE_SECONDS)


async def test_workers_for_which_the_next_job_is_too_heavy_wait_quietly_and_one_with_room_takes_it(
    make_settings: SettingsMaker,
    queue: QueueCommands,
    views: QueueViews,
    redis: redis_asyncio.Redis,
    weigh: Callable[[int], None],
) -> None:
    settings = make_settings(PREGAO_LEASE_MS=LEASE_MS, SCRAPER_BROWSERS="1")
    weigh(2)
    async with working(settings, slots=2), working(settings, slots=2):
        await weighs(queue, 2)
        await queue.enqueue(jobs_of("s1", "s2"))
        await until_begun("s1", "s2")
        await eventually(views.workers, lambda found: [worker.running for worker in found] == [1, 1])
        await queue.enqueue(jobs_of("h1"))
        began, before = time.monotonic(), await calls_of(redis, "evalsha", "eval", "blpop")
        for _ in range(3):
            seen = {worker.id: worker.heartbeat_at for worker in await views.workers()}
            await eventually(
                views.workers,
                lambda found, seen=seen: all(worker.heartbeat_at != seen[worker.id] for worker in found),
            )
        calls, seconds = await calls_of(redis, "evalsha", "eval", "blpop") - before, time.monotonic() - began
        assert calls < 40 + 40 * seconds, "a loop makes thousands in a second"
        async with working(settings, slots=2):
            await until_begun("s1", "s2", "h1")


# --- browsers --------------------------------------------------------------------------------------------------------


async def test_no_more_browsers_run_than_there_may_and_others_pass_by(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    jobs = jobs_of("s1", "s2", "s3", "s4", "l1", "s5", "l2", "l3")
    async with working(make_settings(SCRAPER_BROWSERS="2", PREGAO_LEASE_MS=LEASE_MS), slots=6):
        await queue.enqueue(jobs)
        await until_begun("s1", "s2", "l1", "l2", "l3")
        facts = await facts_of(views, lambda facts: facts.running == 5)
        assert (facts.browsers, facts.used_browsers, facts.used_slots) == (2, 2, 5)
        parked = {name: by_priority[JobPriority.NORMAL] for name, by_priority in (await views.parked()).items()}
        assert parked == {"surfer": 3}
        finish("s2")
        await until_begun("s1", "s2", "l1", "l2", "l3", "s3", seconds=AT_ONCE_SECONDS)
        finish("s1", "s3", "s4", "s5", "l1", "l2", "l3")
        for job in jobs:
            await ended(views, job, JobStatus.COMPLETED)
    assert most_at_once(lambda argument: argument[0] == "s") == 2


async def test_browsers_that_one_worker_has_not_left_are_taken_by_another(
    make_settings: SettingsMaker, queue: QueueCommands
) -> None:
    settings = make_settings(SCRAPER_BROWSERS="1")
    async with working(settings, slots=3), working(settings, slots=3):
        await queue.enqueue(jobs_of("s1"))
        await until_begun("s1")
        await queue.enqueue(jobs_of("s2"))
        await until_begun("s1", "s2", seconds=AT_ONCE_SECONDS)
        await queue.enqueue(jobs_of("s3", "l1"))
        await until_begun("s1", "s2", "l1")
        finish("s1")
        await until_begun("s1", "s2", "l1", "s3", seconds=AT_ONCE_SECONDS)
    assert most_at_once(lambda argument: argument[0] == "s") == 2


# --- memory ----------------------------------------------------------------------------------------------------------


async def looked(processor: JobProcessor, percent: int) -> None:
    """Wait until the worker has seen it."""
    await eventually(
        lambda: asyncio.sleep(0, processor._backpressure.facts["memory_percent"]), lambda now: now == percent
    )


async def test_a_worker_whose_memory_is_full_takes_no_job_until_it_is_below_the_low_mark(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    memory, job = Memory(90), spec("Echo", "PETR4")
    settings = make_settings(PREGAO_MEMORY_HIGH_PERCENT="85", PREGAO_LEASE_MS=LEASE_MS)
    async with working(settings, read_memory=memory) as processor:
        await queue.enqueue([job])
        facts = await facts_of(views, lambda facts: bool(facts.held))
        assert (facts.memory_percent, facts.holds, facts.state) == (90, 1, "working")
        assert "the machine's memory is at 90 %" in facts.held
        memory.percent = 82
        await looked(processor, 82)
        await facts_of(views, lambda facts: facts.memory_percent == 82)
        assert await views.status(job.id) is JobStatus.PENDING
        memory.percent = 79
        await ended(views, job, JobStatus.COMPLETED)
        await facts_of(views, lambda facts: not facts.held)


async def test_memory_that_fills_up_calls_the_waiting_claim_back_and_leaves_what_runs(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    memory, running, late = Memory(50), spec("Gated", "running"), spec("Echo", "late")

    async def waiting() -> int:
        return int((await redis.info("clients"))["blocked_clients"])

    settings = make_settings(PREGAO_MEMORY_HIGH_PERCENT="85", PREGAO_LEASE_MS=LEASE_MS)
    async with working(settings, read_memory=memory) as processor:
        await queue.enqueue([running])
        await eventually(scrapes)
        await eventually(waiting, lambda count: count == 1)
        memory.percent = 95
        await looked(processor, 95)
        await eventually(waiting, lambda count: count == 0, seconds=AT_ONCE_SECONDS)
        await queue.enqueue([late])
        assert await redis.llen("scraper:wake") == 1, "the token is left to others"  # type: ignore[misc]
        open_gate()
        await ended(views, running, JobStatus.COMPLETED)
        assert await views.status(late.id) is JobStatus.PENDING
        memory.percent = 10
        await ended(views, late, JobStatus.COMPLETED)
    assert await scrapes() == ["running", "late"]


async def test_another_worker_takes_what_one_with_full_memory_leaves(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    settings = make_settings(PREGAO_MEMORY_HIGH_PERCENT="85", PREGAO_LEASE_MS=LEASE_MS)
    jobs = [spec("Echo", f"T{number}") for number in range(10)]
    async with working(settings, read_memory=Memory(99)) as held:
        await facts_of(views, lambda facts: bool(facts.held))
        async with working(settings, read_memory=Memory(10)):
            await queue.enqueue(jobs)
            for job in jobs:
                await ended(views, job, JobStatus.COMPLETED)
            await eventually(scrapes, lambda seen: has_length(10, seen))
        assert held._slots.used == 0
