"""`pregao doctor` on a queue in which something is really out of place, and on who works on it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis.asyncio as redis_async
from tests.builders import spec
from tests.diagnosis import diagnose, with_schedules
from tests.heartbeats import beat
from tests.running_jobs import claim, complete, fail
from tests.working import SettingsMaker, working

from pregao.domain.job import JobPriority, JobStatus
from pregao.queue import leftovers
from pregao.queue.commands import QueueCommands
from pregao.queue.controls import Pause, pause_value
from pregao.queue.keys import Keys
from pregao.queue.leftovers import find_leftovers
from pregao.queue.views import ALIVE_SECONDS, SchedulerFacts, WorkerFacts
from pregao.scheduler.service import ScraperScheduler
from pregao.settings import Settings
from pregao.version import running_version

KEYS = Keys()


async def test_a_queue_without_its_marker_is_an_error(settings: Settings, redis: redis_async.Redis) -> None:
    await redis.flushall()
    assert "pregao recover" in (await diagnose(settings)).the("queue", "error", "no generation marker").cure


async def test_ids_without_a_job_are_a_warning(settings: Settings, redis: redis_async.Redis) -> None:
    await redis.lpush(KEYS.ready(JobPriority.NORMAL), "nobody")  # type: ignore[misc]
    await claim(QueueCommands(redis))
    assert (await diagnose(settings)).the("leftovers", "warning", "1 ids were pushed without a job")


async def test_facts_that_postgresql_refused_are_a_warning(settings: Settings, redis: redis_async.Redis) -> None:
    await redis.xadd(KEYS.outbox_dead, {"error": "refused"})
    assert (await diagnose(settings)).the("recorder", "warning", "refused 1 facts")


async def test_a_recorder_that_does_not_follow_is_a_warning(
    settings: Settings, redis: redis_async.Redis, queue: QueueCommands
) -> None:
    seconds, _ = await redis.time()
    await redis.xadd(KEYS.outbox, {"kind": "job"}, id=f"{(seconds - 60) * 1000}-0")
    assert (await diagnose(settings)).the("recorder", "warning", "1 facts wait to be recorded, the oldest for ")


async def test_a_pause_is_a_warning_that_says_how_to_end_it_and_parked_jobs_are_where_they_belong(
    settings: Settings, redis: redis_async.Redis, queue: QueueCommands
) -> None:
    now = await queue.server_time()
    pause = Pause(kind="scraper", name="echo", who="ana", why="the source is down", since=now)
    await queue.control(pause.field, pause_value(pause), "ana")
    await queue.enqueue([spec("Echo")])
    await claim(queue)
    seen = await diagnose(settings)
    assert seen.the("pauses", "warning", "echo is paused").cure == "pregao queue resume --scraper echo"
    assert seen.the("pauses", "ok", "1 jobs are held back")
    assert seen.states("leftovers") == ["ok"]


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.RETRY, JobStatus.RUNNING])
async def test_a_live_job_that_is_in_no_list_is_an_error_whose_cure_puts_it_back(
    settings: Settings, redis: redis_async.Redis, queue: QueueCommands, status: JobStatus
) -> None:
    job, sound = spec(priority=JobPriority.LOW), spec()
    await queue.enqueue([job, sound])
    if status is not JobStatus.PENDING:
        [held] = await claim(queue, job_id=job.id)
        if status is JobStatus.RETRY:
            await fail(queue, held, retryable=True)
    await redis.lrem(KEYS.ready(JobPriority.LOW), 0, job.id)  # type: ignore[misc]
    await redis.zrem(KEYS.delayed, job.id)
    await redis.zrem(KEYS.running, job.id)

    finding = (await diagnose(settings)).the("leftovers", "error", f"1 jobs are {status.value} and in no list")
    assert job.id in finding.detail
    assert sound.id not in finding.detail
    cure = finding.cure.rpartition("put each back: ")[2].split()
    await redis.execute_command(*cure)

    assert (await diagnose(settings)).of("leftovers")[0].detail != finding.detail
    await queue.tick()
    await queue.reclaim()
    await queue.promote()
    taken = {held.job_id for held in await claim(queue, want=5)}
    assert job.id in taken


async def test_a_lease_that_is_over_and_that_nobody_takes_back_is_an_error(
    settings: Settings, redis: redis_async.Redis
) -> None:
    then = datetime.now(UTC) - timedelta(minutes=2)
    long_ago = QueueCommands(redis, now_ms=lambda: int(then.timestamp() * 1000))
    job = spec()
    await long_ago.enqueue([job])
    await claim(long_ago, job_id=job.id)
    assert job.id in (await diagnose(settings)).the("leftovers", "error", "under a lease that is over").detail


async def test_a_record_of_a_claim_that_never_expires_is_a_warning(
    settings: Settings, redis: redis_async.Redis, queue: QueueCommands
) -> None:
    job = spec()
    await queue.enqueue([job])
    await claim(queue, job_id=job.id)
    assert (await diagnose(settings)).states("leftovers") == ["ok"], "that of a live worker is no leftover"
    await redis.persist("scraper:wclaim:tester")
    assert (await diagnose(settings)).the("leftovers", "warning", "scraper:wclaim:tester")


async def test_jobs_in_every_state_are_where_they_belong(
    settings: Settings, redis: redis_async.Redis, queue: QueueCommands
) -> None:
    jobs = [spec() for _ in range(6)]
    await queue.enqueue(jobs)
    held = await claim(queue, want=4)
    await complete(queue, held[0], {"price": 1})
    await fail(queue, held[1])
    await fail(queue, held[2], retryable=True)
    await queue.cancel(jobs[5].id)
    assert (await diagnose(settings)).the("leftovers", "ok", "each of 6 jobs")


async def test_a_busy_queue_is_not_taken_for_a_broken_one(
    redis: redis_async.Redis, queue: QueueCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "PAGE", 50)
    await queue.enqueue([spec() for _ in range(200)])
    worked = asyncio.Event()

    async def work() -> None:
        for _ in range(200):
            await queue.enqueue([spec(priority=priority) for priority in JobPriority])
            for number, held in enumerate(await claim(queue, want=4)):
                await (fail(queue, held, retryable=True) if number else complete(queue, held, {}))
            await queue.promote()
        worked.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        while not worked.is_set():
            left = await find_leftovers(redis)
            assert (left.misplaced, left.unreclaimed) == ([], [])


async def test_a_prefix_may_hold_what_a_pattern_would_understand(settings: Settings, redis: redis_async.Redis) -> None:
    odd = "{scr*per}[ab]?\\:"
    queue, keys = QueueCommands(redis, odd), Keys(odd)
    await queue.open_generation(1)
    await redis.set(keys.generation, 1)
    job = spec()
    await queue.enqueue([job])
    assert (await find_leftovers(redis, odd)).jobs == 1
    await redis.delete(keys.ready(JobPriority.NORMAL))
    assert [one.job_id for one in (await find_leftovers(redis, odd)).misplaced] == [job.id]
    assert (await find_leftovers(redis)).jobs == 0


async def test_a_worker_and_a_scheduler_that_live_are_well(make_settings: SettingsMaker, tmp_path: Path) -> None:
    settings = with_schedules(make_settings(), tmp_path)
    scheduler = ScraperScheduler(settings=settings)
    async with working(settings, slots=5):
        await scheduler.start()
        try:
            async with asyncio.timeout(20):
                while not (seen := await diagnose(settings)).of("workers")[0].detail.startswith("1 alive"):
                    pass
                while seen.states("schedulers") != ["ok"]:
                    seen = await diagnose(settings)
        finally:
            await scheduler.stop()
    assert seen.the("workers", "ok", "1 alive with 5 slots")
    assert seen.the("schedulers", "ok", "1 alive, 1 schedules fire")
    assert seen.of("versions") == []


async def test_no_worker_is_a_warning_and_an_error_once_jobs_wait(settings: Settings, queue: QueueCommands) -> None:
    assert (await diagnose(settings)).the("workers", "warning", "none is alive")
    await queue.enqueue([spec()])
    assert (await diagnose(settings)).the("workers", "error", "and 1 jobs wait")


async def test_a_worker_that_fell_silent_is_not_alive(settings: Settings, redis: redis_async.Redis) -> None:
    silent = WorkerFacts(id="a", slots=3, version=running_version())
    await beat(redis, silent, age=timedelta(seconds=ALIVE_SECONDS + 10))
    assert (await diagnose(settings)).the("workers", "warning", "the last one was heard ")


async def test_no_scheduler_is_a_warning(settings: Settings) -> None:
    assert (await diagnose(settings)).the("schedulers", "warning", "nothing fires")


async def test_schedulers_that_fire_different_schedules_are_a_warning(settings: Settings, queue: QueueCommands) -> None:
    for name, schedules in (("a", 15), ("b", 12)):
        await queue.beat(SchedulerFacts(id=name, schedules=schedules, version=running_version()))
    assert (await diagnose(settings)).the("schedulers", "warning", "12 or 15")


async def test_problems_of_a_scheduler_s_file_are_told_once(settings: Settings, queue: QueueCommands) -> None:
    for name in ("a", "b"):
        facts = SchedulerFacts(id=name, schedules=1, version=running_version(), problems=["x.yaml:3: odd"])
        await queue.beat(facts)
    assert (await diagnose(settings)).the("schedulers", "warning", "x.yaml:3: odd")


async def test_a_worker_that_takes_no_jobs_is_a_warning_with_what_to_do(
    settings: Settings, redis: redis_async.Redis
) -> None:
    await beat(redis, WorkerFacts(id="host:7:abc", slots=3, version=running_version(), held="memory is at 91 %"))
    finding = (await diagnose(settings)).the("workers", "warning", "worker host:7: memory is at 91 %")
    assert "more memory" in str(finding)


@pytest.mark.parametrize("versions", [("0.0.1", "0.0.2"), ("0.0.1", "0.0.1"), ("", "")])
async def test_versions_that_differ_are_a_warning(
    settings: Settings, redis: redis_async.Redis, versions: tuple[str, str]
) -> None:
    for number, version in enumerate(versions):
        await beat(redis, WorkerFacts(id=f"w{number}", slots=3, version=version))
    detail = (await diagnose(settings)).the("versions", "warning", "not of one version").detail
    assert all((version or "unknown") in detail for version in versions)
    assert running_version() in detail
