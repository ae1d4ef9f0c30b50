"""The whole queue at a glance, read from a real server."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio as redis_async
from tests.builders import spec
from tests.heartbeats import beat
from tests.running_jobs import claim, complete, fail

from pregao.domain.errors import QueueError, QueueUnavailable
from pregao.domain.job import JobPriority
from pregao.queue import overview
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.keys import Keys
from pregao.queue.overview import read_overview
from pregao.queue.views import ALIVE_SECONDS, SchedulerFacts, WorkerFacts, is_alive


async def test_an_empty_queue_is_all_zero(redis: redis_async.Redis) -> None:
    seen = await read_overview(redis)
    assert (seen.generation, seen.ready.total, seen.delayed.total, seen.running.total) == (1, 0, 0, 0)
    assert (seen.workers, seen.schedulers, seen.running_jobs, seen.outbox.entries) == ([], [], [], 0)


async def test_jobs_are_counted_by_state_and_priority(redis: redis_async.Redis, queue: QueueCommands) -> None:
    jobs = [spec(priority=priority) for priority in JobPriority for _ in range(4)]
    await queue.enqueue(jobs)
    for priority, job in zip(JobPriority, jobs[::4], strict=True):
        [held] = await claim(queue, job_id=job.id)
        if priority is not JobPriority.LOW:
            await fail(queue, held, retryable=True)
    seen = await read_overview(redis)
    assert list(seen.ready.by_priority.values()) == [3, 3, 3]
    assert list(seen.delayed.by_priority.values()) == [1, 1, 0]
    assert list(seen.running.by_priority.values()) == [0, 0, 1]
    assert [share.is_complete for share in (seen.ready, seen.delayed, seen.running)] == [True] * 3


async def test_running_jobs_are_told_in_full_and_the_oldest_first(
    redis: redis_async.Redis,
) -> None:
    seconds, _ = await redis.time()
    moments = itertools.count(seconds * 1000)
    queue = QueueCommands(redis, now_ms=lambda: next(moments))
    first, second = spec("B3", "PETR4", priority=JobPriority.LOW), spec("Valor Econômico", None)
    await queue.enqueue([first, second])
    await claim(queue, job_id=first.id)
    await claim(queue, job_id=second.id)
    await queue.cancel(second.id)
    seen = (await read_overview(redis)).running_jobs
    assert [(job.id, job.scraper_name, job.ticker, job.priority) for job in seen] == [
        (first.id, "B3", "PETR4", "low"),
        (second.id, "Valor Econômico", None, "normal"),
    ]
    assert [(job.attempt, job.worker, job.cancel_requested) for job in seen] == [
        (1, "tester", False),
        (1, "tester", True),
    ]
    started = [job.started_at for job in seen]
    assert started == sorted(moment for moment in started if moment is not None)
    assert all(job.lease_ends_at > (job.started_at or job.lease_ends_at) for job in seen)


async def test_a_job_that_ended_is_counted_nowhere(redis: redis_async.Redis, queue: QueueCommands) -> None:
    job = spec()
    await queue.enqueue([job])
    [held] = await claim(queue, job_id=job.id)
    await complete(queue, held, {"price": 1})
    seen = await read_overview(redis)
    assert (seen.ready.total, seen.delayed.total, seen.running.total, seen.running_jobs) == (0, 0, 0, [])
    assert seen.outbox.entries > 0


async def test_workers_are_listed_whether_they_live_or_not(redis: redis_async.Redis) -> None:
    await beat(redis, WorkerFacts(id="fresh", slots=3, version="0.1.0"))
    await beat(redis, WorkerFacts(id="silent", slots=2), age=timedelta(seconds=ALIVE_SECONDS + 5))
    await beat(redis, WorkerFacts(id="by hand", slots=0))
    seen = await read_overview(redis)
    assert [(worker.id, worker.version, is_alive(worker, seen.now)) for worker in seen.workers] == [
        ("fresh", "0.1.0", True),
        ("silent", "", False),
    ]


async def test_schedulers_are_listed(redis: redis_async.Redis, queue: QueueCommands) -> None:
    await queue.beat(SchedulerFacts(id="scheduler", schedules=15))
    assert [(one.id, one.schedules) for one in (await read_overview(redis)).schedulers] == [("scheduler", 15)]


async def test_more_jobs_than_are_looked_at_are_counted_and_said_to_be_more(
    redis: redis_async.Redis, queue: QueueCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "DETAILED_LIMIT", 2)
    jobs = [spec() for _ in range(5)]
    await queue.enqueue(jobs)
    await claim(queue, want=5)
    seen = await read_overview(redis)
    assert (seen.running.total, seen.running.is_complete, len(seen.running_jobs)) == (5, False, 2)


async def test_two_round_trips_are_enough(
    redis: redis_async.Redis, queue: QueueCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue.enqueue([spec() for _ in range(20)])
    await claim(queue, want=10)
    taken: list[None] = []
    get_connection: Callable[..., Awaitable[Any]] = redis.connection_pool.get_connection

    async def counted(*arguments: Any, **options: Any) -> Any:
        taken.append(None)
        return await get_connection(*arguments, **options)

    monkeypatch.setattr(redis.connection_pool, "get_connection", counted)
    await read_overview(redis)
    assert len(taken) == 2


async def test_a_document_that_is_no_json_costs_only_itself(redis: redis_async.Redis, queue: QueueCommands) -> None:
    job = spec()
    await queue.enqueue([job])
    await claim(queue, job_id=job.id)
    await redis.set(Keys().data(job.id), "{broken")
    [seen] = (await read_overview(redis)).running_jobs
    assert (seen.id, seen.scraper_name, seen.ticker) == (job.id, "", None)


async def test_a_redis_that_is_away_is_queue_unavailable(unused_tcp_port: int) -> None:
    redis = open_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", retries=0)
    with pytest.raises(QueueUnavailable):
        await read_overview(redis)
    await redis.aclose()


async def test_a_key_of_another_type_is_a_queue_error(redis: redis_async.Redis) -> None:
    await redis.set(Keys().workers, "not a hash")
    with pytest.raises(QueueError, match="WRONGTYPE"):
        await read_overview(redis)
