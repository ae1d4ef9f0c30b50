"""`JobQueue` as scripts use it: push, pop, and driving a job by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually

from pregao.domain.errors import InvalidInput, QueueUnavailable
from pregao.domain.job import Job, JobPriority, JobStatus
from pregao.jobqueue import JobQueue
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews
from pregao.settings import Settings
from pregao.store.recorder import Recorder


@pytest.fixture
async def queue(settings: Settings) -> AsyncIterator[JobQueue]:
    async with JobQueue(settings=settings) as queue:
        yield queue


async def test_a_pushed_job_is_read_back_with_every_field(queue: JobQueue) -> None:
    job = Job(scraper_name="B3", ticker="petr4 ", priority=JobPriority.HIGH, max_retries=1, metadata={"note": "ção"})
    assert await queue.push(job) is True
    found = await queue.get_job(str(job.id))
    assert found is not None
    for name in ("id", "scraper_name", "ticker", "priority", "max_retries", "metadata", "status", "retry_count"):
        assert getattr(found, name) == getattr(job, name)
    assert found.created_at == job.created_at
    assert await queue.get_status(str(job.id)) is JobStatus.PENDING
    assert await queue.get_queue_length() == {"high": 1, "normal": 0, "low": 0}


async def test_pushing_the_same_job_twice_queues_it_once(queue: JobQueue) -> None:
    job = Job(scraper_name="B3", ticker="PETR4")
    assert await queue.push(job) is True
    assert await queue.push(job) is True
    assert await queue.get_queue_length() == {"high": 0, "normal": 1, "low": 0}


async def test_a_job_that_is_not_new_cannot_be_pushed(queue: JobQueue) -> None:
    with pytest.raises(InvalidInput, match="status"):
        await queue.push(Job(scraper_name="B3", ticker="PETR4", status=JobStatus.COMPLETED))


async def test_pop_takes_the_highest_priority_and_marks_it_running(queue: JobQueue) -> None:
    low, high = (
        Job(scraper_name="B3", ticker="A", priority=JobPriority.LOW),
        Job(scraper_name="B3", ticker="B", priority=JobPriority.HIGH),
    )
    await queue.push(low)
    await queue.push(high)
    popped = await queue.pop(timeout=1)
    assert popped is not None
    assert (popped.id, popped.status) == (high.id, JobStatus.RUNNING)
    assert popped.started_at is not None
    assert popped.started_at.tzinfo is not None
    assert await queue.get_status(str(high.id)) is JobStatus.RUNNING


async def test_pop_of_an_empty_queue_answers_none(queue: JobQueue) -> None:
    assert await queue.pop(timeout=0) is None


async def test_pop_wakes_up_when_a_job_arrives(queue: JobQueue) -> None:
    job = Job(scraper_name="B3", ticker="PETR4")
    async with asyncio.TaskGroup() as group:
        popping = group.create_task(queue.pop(timeout=20))
        await queue.push(job)
    popped = popping.result()
    assert popped is not None
    assert popped.id == job.id


async def test_a_job_driven_by_hand_is_completed_and_recorded(
    queue: JobQueue, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    job = Job(scraper_name="B3", ticker="PETR4")
    await queue.push(job)
    assert await queue.update_status(str(job.id), JobStatus.RUNNING) is True
    job.status, job.result = JobStatus.COMPLETED, {"price": 30.5}
    assert await queue.update_job(job) is True
    found = await queue.get_job(str(job.id))
    assert found is not None
    assert (found.status, found.result) == (JobStatus.COMPLETED, {"price": 30.5})
    assert isinstance(found.completed_at, datetime)
    while await Recorder(redis, pool).step():
        pass
    row = await pool.fetchrow("SELECT success, data, response_time FROM scraper_results WHERE job_id = $1", job.id)
    assert row is not None
    assert row["success"]
    assert row["data"] == {"price": 30.5}
    assert row["response_time"] > 0


@pytest.mark.parametrize(("status", "error"), [(JobStatus.FAILED, "gave up"), (JobStatus.RETRY, "later")])
async def test_a_popped_job_can_be_failed_or_sent_to_retry(queue: JobQueue, status: JobStatus, error: str) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    popped.status, popped.error = status, error
    assert await queue.update_job(popped) is True
    found = await queue.get_job(str(popped.id))
    assert found is not None
    assert (found.status, found.error) == (status, error)
    assert found.retry_count == (1 if status is JobStatus.RETRY else 0)


async def test_a_popped_job_can_be_given_back_without_spending_a_retry(queue: JobQueue) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    assert await queue.update_status(str(popped.id), "pending") is True
    again = await queue.pop(timeout=1)
    assert again is not None
    assert (again.id, again.retry_count) == (popped.id, 0)


async def test_a_popped_job_that_is_cancelled_ends_at_once(queue: JobQueue) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    assert await queue.update_status(str(popped.id), JobStatus.CANCELLED) is True
    assert await queue.get_status(str(popped.id)) is JobStatus.CANCELLED


async def test_a_job_held_by_another_worker_is_not_written(queue: JobQueue, settings: Settings) -> None:
    job = Job(scraper_name="B3", ticker="PETR4")
    await queue.push(job)
    async with JobQueue(settings=settings) as other:
        assert await other.pop(timeout=1) is not None
        job.status, job.result = JobStatus.COMPLETED, {"price": 1}
        assert await queue.update_job(job) is False
        assert await queue.update_status(str(job.id), JobStatus.RUNNING) is False
        assert await queue.get_status(str(job.id)) is JobStatus.RUNNING


async def test_a_result_is_refused_after_the_lease_was_lost(queue: JobQueue, redis: redis_asyncio.Redis) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    await QueueCommands(redis).reclaim(dead_worker=queue._held.holder)
    await QueueCommands(redis).claim("someone", want=1, lease_ms=60_000, sequence=1)
    popped.status, popped.result = JobStatus.COMPLETED, {"price": 1}
    assert await queue.update_job(popped) is False
    found = await queue.get_job(str(popped.id))
    assert found is not None
    assert (found.status, found.result) == (JobStatus.RUNNING, None)


async def test_cancelling_an_unknown_or_an_ended_job_answers_false(queue: JobQueue) -> None:
    job = Job(scraper_name="B3", ticker="PETR4")
    await queue.push(job)
    assert await queue.cancel_job(str(job.id)) is True
    assert await queue.cancel_job(str(job.id)) is False
    assert await queue.cancel_job("3f0c1c52-0000-4000-8000-000000000000") is False
    assert await queue.update_status(str(job.id), JobStatus.RUNNING) is False
    assert await queue.get_job("3f0c1c52-0000-4000-8000-000000000000") is None


async def test_a_popped_job_keeps_its_lease_until_it_is_ended(settings: Settings, redis: redis_asyncio.Redis) -> None:
    short = settings.model_copy(update={"lease_ms": 600})
    commands, views = QueueCommands(redis), QueueViews(redis)
    async with JobQueue(settings=short) as queue:
        await queue.push(Job(scraper_name="B3", ticker="PETR4"))
        popped = await queue.pop(timeout=1)
        assert popped is not None
        first = await redis.zscore("scraper:running", str(popped.id))
        await eventually(lambda: redis.zscore("scraper:running", str(popped.id)), lambda now: now > (first or 0) + 600)
        assert await commands.reclaim() == {}
        assert await views.workers() == [], "a script is no worker"


async def test_one_queue_object_serves_one_event_loop_after_another(settings: Settings) -> None:
    queue = JobQueue(settings=settings)

    def lengths_in_a_loop_of_its_own() -> dict[str, int]:
        async def ask() -> dict[str, int]:
            try:
                return await queue.get_queue_length()
            finally:
                await queue.close()

        return asyncio.run(ask())

    assert await asyncio.to_thread(lengths_in_a_loop_of_its_own) == {"high": 0, "normal": 0, "low": 0}
    assert await asyncio.to_thread(lengths_in_a_loop_of_its_own) == {"high": 0, "normal": 0, "low": 0}


async def test_a_queue_without_a_server_says_so(settings: Settings) -> None:
    async with JobQueue(settings=settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})) as queue:
        with pytest.raises(QueueUnavailable, match="REDIS_URL"):
            await queue.push(Job(scraper_name="B3", ticker="PETR4"))


async def test_the_first_push_opens_a_redis_that_is_new(queue: JobQueue, redis: redis_asyncio.Redis) -> None:
    await redis.flushall()
    assert await queue.push(Job(scraper_name="B3", ticker="PETR4")) is True
    assert await QueueCommands(redis).read_generation() is not None
