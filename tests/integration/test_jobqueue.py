"""`JobQueue` as scripts use it: push, pop, and driving a job by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually

from pregao.domain.errors import InvalidInput, QueueUnavailable
from pregao.domain.job import Job, JobPriority, JobStatus
from pregao.jobqueue import JobQueue
from pregao.queue.commands import QueueCommands
from pregao.queue.messages import Claims
from pregao.queue.views import QueueViews
from pregao.settings import Settings
from pregao.store.recorder import Recorder

T = TypeVar("T")


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


async def test_a_job_whose_claim_was_never_answered_goes_back_before_another_is_claimed(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Job(scraper_name="B3", ticker="first"), Job(scraper_name="B3", ticker="second")
    await queue.push(first)
    await queue.push(second)
    real = QueueCommands.claim

    async def lost(self: QueueCommands, *arguments: object, **named: object) -> Claims:
        await real(self, *arguments, **named)  # type: ignore[arg-type]
        raise QueueUnavailable

    monkeypatch.setattr(QueueCommands, "claim", lost)
    with pytest.raises(QueueUnavailable):
        await queue.pop(timeout=0)
    monkeypatch.setattr(QueueCommands, "claim", real)
    assert await queue.update_status(str(second.id), JobStatus.RUNNING) is True
    assert await queue.get_status(str(second.id)) is JobStatus.RUNNING
    assert await queue.get_status(str(first.id)) is JobStatus.PENDING


async def test_a_job_sent_to_retry_comes_back_although_no_worker_runs(
    queue: JobQueue, redis: redis_asyncio.Redis
) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    assert await queue.update_status(str(popped.id), JobStatus.RETRY) is True
    await redis.zadd("scraper:delayed", {str(popped.id): 1})
    again = await queue.pop(timeout=5)
    assert again is not None
    assert (again.id, again.retry_count) == (popped.id, 1)


async def test_sending_a_job_to_retry_without_retries_left_answers_false(queue: JobQueue) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4", max_retries=0))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    assert await queue.update_status(str(popped.id), JobStatus.RETRY) is False
    assert await queue.get_status(str(popped.id)) is JobStatus.FAILED


async def test_a_job_is_still_held_on_the_next_event_loop(settings: Settings) -> None:
    short = settings.model_copy(update={"lease_ms": 600})
    queue = JobQueue(settings=short)

    def in_a_loop_of_its_own(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(work())

    async def push_and_pop() -> str:
        await queue.push(Job(scraper_name="B3", ticker="PETR4"))
        popped = await queue.pop(timeout=1)
        assert popped is not None
        await queue.disconnect()
        return str(popped.id)

    async def complete() -> bool:
        await asyncio.sleep(1.0)
        try:
            return await queue.update_status(job_id, JobStatus.COMPLETED)
        finally:
            await queue.close()

    job_id = await asyncio.to_thread(in_a_loop_of_its_own, push_and_pop)
    assert await asyncio.to_thread(in_a_loop_of_its_own, complete) is True


async def test_a_large_result_is_read_back_recorded_or_not(
    queue: JobQueue, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    popped.status, popped.result = JobStatus.COMPLETED, {"page": "x" * 50_000}
    assert await queue.update_job(popped) is True
    for _ in range(2):
        found = await queue.get_job(str(popped.id))
        assert found is not None
        assert found.result == popped.result
        while await Recorder(redis, pool).step():
            pass


async def test_metadata_given_with_the_result_is_recorded_with_it(
    queue: JobQueue, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    popped.status, popped.result, popped.metadata = JobStatus.COMPLETED, 1, {"pages": 3}
    assert await queue.update_job(popped) is True
    while await Recorder(redis, pool).step():
        pass
    assert await pool.fetchval("SELECT metadata FROM scraper_results WHERE job_id = $1", popped.id) == {"pages": 3}


async def test_a_result_that_cannot_be_stored_fails_the_job_with_the_reason(queue: JobQueue) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    popped.status, popped.result = JobStatus.COMPLETED, {"page": "x" * 6_000_000}
    assert await queue.update_job(popped) is False
    found = await queue.get_job(str(popped.id))
    assert found is not None
    assert found.status is JobStatus.FAILED
    assert "5" in str(found.error)


async def test_an_ended_job_cannot_be_given_other_contents(queue: JobQueue) -> None:
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    popped.status, popped.result = JobStatus.COMPLETED, {"price": 1}
    assert await queue.update_job(popped) is True
    assert await queue.update_job(popped) is True
    popped.result = {"price": 2}
    assert await queue.update_job(popped) is False


async def test_closing_gives_back_what_is_held_without_counting_a_loss(
    settings: Settings, redis: redis_asyncio.Redis
) -> None:
    queue = JobQueue(settings=settings)
    await queue.push(Job(scraper_name="B3", ticker="PETR4"))
    popped = await queue.pop(timeout=1)
    assert popped is not None
    await queue.close()
    async with JobQueue(settings=settings) as other:
        again = await other.pop(timeout=1)
    assert again is not None
    assert again.id == popped.id
    document = await QueueViews(redis).document(str(popped.id))
    assert document is not None
    assert document["lost_count"] == 0


@pytest.mark.parametrize(
    ("field", "job"),
    [
        ("ticker", Job(scraper_name="B3", ticker=123)),  # type: ignore[arg-type]
        ("scraper_name", Job(scraper_name=None, ticker="A")),  # type: ignore[arg-type]
        ("max_retries", Job(scraper_name="B3", max_retries="3")),  # type: ignore[arg-type]
        ("metadata", Job(scraper_name="B3", metadata="abc")),  # type: ignore[arg-type]
        ("metadata", Job(scraper_name="B3", metadata={"value": float("nan")})),
        ("metadata", Job(scraper_name="B3", metadata={"value": 2**70 + 1})),
        ("timeout_seconds", Job(scraper_name="B3", extra={"timeout_seconds": "30"})),
        ("fire_time", Job(scraper_name="B3", extra={"fire_time": "garbage"})),
    ],
)
async def test_a_field_of_a_wrong_type_is_refused_by_name(queue: JobQueue, field: str, job: Job) -> None:
    with pytest.raises(InvalidInput) as caught:
        await queue.push(job)
    assert caught.value.field == field
