"""The worker on real engines: outcomes, retries, cancels, leases, shutdown."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec
from tests.sample_scrapers import ODD, Recorded
from tests.working import SettingsMaker, ended, has_length, scrapes, working

from pregao.domain.job import JobStatus
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews
from pregao.store.recorder import Recorder
from pregao.worker.processor import JobProcessor


async def test_a_job_runs_with_its_argument_exactly_as_given(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Echo", "  preço da Petrobras? petr4 ")
    async with working(make_settings()):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.COMPLETED)
    assert document["result"] == {"argument": job.ticker}
    assert document["attempt"] == 1
    assert Recorded.calls == [("initialize", None), ("scrape", job.ticker), ("cleanup", None)]


async def test_response_time_and_metadata_of_an_attempt_are_recorded(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("echo", "PETR4")
    async with working(make_settings()):
        await queue.enqueue([job])
        await ended(views, job, JobStatus.COMPLETED)
    attempt = (await views.unrecorded())[0].ended_attempt
    assert attempt is not None
    assert attempt.report.metadata == {"page": 1}
    assert attempt.report.source == "echo"
    assert attempt.report.response_time_seconds is not None
    assert attempt.report.response_time_seconds > 0


async def test_a_reported_failure_is_retried_with_backoff_until_retries_are_used_up(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Reports", "XYZ", max_retries=2)
    async with working(make_settings()):
        await queue.enqueue([job])
        delays = []
        for _ in range(2):
            document = await ended(views, job, JobStatus.RETRY)
            facts = [f for f in await views.unrecorded() if f.state is JobStatus.RETRY]
            assert facts[0].due_at is not None
            delays.append(round((facts[0].due_at - facts[0].at).total_seconds()))
            assert document["error"] == "no page for XYZ"
            await queue.make_due(job.id)
            await eventually(lambda: views.status(job.id), lambda now: now is not JobStatus.PENDING)
            await eventually(scrapes, partial(has_length, len(delays) + 1))
        document = await ended(views, job, JobStatus.FAILED)
    assert delays == [2, 4]
    assert (document["retry_count"], document["attempt"]) == (2, 3)
    assert await scrapes() == ["XYZ"] * 3


@pytest.mark.parametrize(
    ("argument", "status", "error_class", "text"),
    [
        ("network", JobStatus.RETRY, "network", "cannot reach example.invalid: refused"),
        ("not_found", JobStatus.FAILED, "not_found", "no such ticker"),
        ("bug", JobStatus.FAILED, "bug", "TypeError: unsupported operand"),
        ("exit", JobStatus.FAILED, "bug", "SystemExit: 3"),
        ("nothing", JobStatus.FAILED, "bug", "returned a NoneType"),
        ("else", JobStatus.RETRY, "error", "RuntimeError: broken  by ? else"),
    ],
)
async def test_a_failure_has_a_class_that_decides_whether_it_is_retried(
    make_settings: SettingsMaker,
    queue: QueueCommands,
    views: QueueViews,
    argument: str,
    status: JobStatus,
    error_class: str,
    text: str,
) -> None:
    job, after = spec("Raises", argument), spec("Echo", "still here")
    async with working(make_settings()):
        await queue.enqueue([job, after])
        document = await ended(views, job, status)
        await ended(views, after, JobStatus.COMPLETED)
    assert text in document["error"]
    report = next(f.ended_attempt.report for f in await views.unrecorded() if f.ended_attempt and f.job_id == job.id)
    assert report.error_class == error_class
    assert Recorded.calls.count(("cleanup", None)) == 2


async def test_an_unknown_scraper_fails_its_job_at_once_with_suggestions(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Ecko", "PETR4")
    async with working(make_settings()):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.FAILED)
    assert "Echo" in document["error"]
    assert document["retry_count"] == 0


async def test_a_scraper_that_another_live_worker_has_is_left_to_it(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Echo", "PETR4")
    async with working(make_settings(PREGAO_SCRAPERS="")):
        await eventually(views.workers, lambda workers: len(workers) == 1)
        async with working(make_settings(), slots=1):
            await eventually(views.workers, lambda workers: len(workers) == 2)
            await queue.enqueue([job])
            document = await ended(views, job, JobStatus.COMPLETED)
    assert document["retry_count"] == 0


async def test_a_job_of_a_scraper_without_its_key_fails_at_once_as_login_and_says_what_to_set(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("keyed", "PETR4")
    async with working(make_settings()):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.FAILED)
    attempt = (await views.unrecorded())[0].ended_attempt
    assert document["error"] == "not configured: set SAMPLE_API_KEY"
    assert attempt is not None
    assert attempt.report.error_class == "login"
    assert Recorded.calls == []


async def test_a_scraper_whose_key_another_live_worker_has_is_left_to_it(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("keyed", "PETR4")
    async with working(make_settings()):
        await eventually(views.workers, lambda workers: len(workers) == 1)
        async with working(make_settings(SAMPLE_API_KEY="hush"), slots=1):
            await eventually(views.workers, lambda workers: len(workers) == 2)
            await queue.enqueue([job])
            document = await ended(views, job, JobStatus.COMPLETED)
    assert (document["result"], document["retry_count"]) == ({"letters": 4}, 0)


async def test_a_job_over_its_timeout_is_stopped_and_retried(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Gated", "PETR4", timeout_seconds=0.2)
    async with working(make_settings()):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.RETRY)
    assert document["error"] == "timed out after 0.2 s"
    assert ("cleanup", None) in Recorded.calls


async def test_a_running_job_that_is_cancelled_stops_and_never_comes_back(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Gated", "PETR4")
    async with working(make_settings()):
        await queue.enqueue([job])
        await eventually(scrapes)
        assert (await queue.cancel(job.id)).code == "requested"
        await ended(views, job, JobStatus.CANCELLED)
    assert ("cleanup", None) in Recorded.calls
    lengths = await views.lengths()
    assert (lengths.total, lengths.delayed, lengths.running) == (0, 0, 0)


async def test_a_cancel_whose_message_is_lost_is_heard_at_the_next_renewal(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    job = spec("Gated", "PETR4")
    async with working(make_settings(PREGAO_LEASE_MS="900")):
        await queue.enqueue([job])
        await eventually(scrapes)
        await redis.hset(f"scraper:job:{job.id}:meta", "cancel", "1")  # type: ignore[misc]
        await ended(views, job, JobStatus.CANCELLED)


async def test_blocking_code_loses_no_lease(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    """Three leases long: the renewing thread has a connection of its own."""
    job = spec("Sleeps", "1.8")
    async with working(make_settings(PREGAO_LEASE_MS="600")):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.COMPLETED)
    assert (document["attempt"], document["lost_count"]) == (1, 0)
    assert await scrapes() == ["1.8"]


async def test_a_lost_lease_stops_the_job_and_its_late_settle_is_refused(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Gated", "PETR4")
    async with working(make_settings(PREGAO_LEASE_MS="900"), slots=1) as processor:
        await queue.enqueue([job])
        await eventually(scrapes)
        await queue.reclaim(dead_worker=processor.worker_id)
        await eventually(scrapes, lambda seen: len(seen) == 2, what="the second attempt")
        assert Recorded.gate is not None
        Recorded.gate.set()
        document = await ended(views, job, JobStatus.COMPLETED)
    assert (document["attempt"], document["lost_count"]) == (2, 1)


async def test_shutdown_lets_running_jobs_finish(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    running, waiting = spec("Gated", "first"), spec("Gated", "second")
    processor = JobProcessor(1, settings=make_settings(), records=False)
    await processor.start()
    await queue.enqueue([running, waiting])
    await eventually(scrapes)
    assert Recorded.gate is not None
    async with asyncio.TaskGroup() as group:
        group.create_task(processor.stop())
        await eventually(lambda: asyncio.sleep(0, processor._claimer.is_quiet))
        Recorded.gate.set()
    assert await views.status(running.id) is JobStatus.COMPLETED
    assert await views.status(waiting.id) is JobStatus.PENDING
    assert await scrapes() == ["first"]


async def test_shutdown_releases_what_does_not_finish_within_the_grace(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Gated", "PETR4")
    processor = JobProcessor(1, settings=make_settings(PREGAO_GRACE_SECONDS="0.2"), records=False)
    await processor.start()
    await queue.enqueue([job])
    await eventually(scrapes)
    await processor.stop()
    document = await views.document(job.id)
    assert document is not None
    assert (document["status"], document["retry_count"], document["lost_count"]) == ("pending", 0, 0)


async def test_a_worker_may_be_stopped_right_after_its_start(make_settings: SettingsMaker) -> None:
    processor = JobProcessor(1, settings=make_settings(), records=False)
    await processor.start()
    await processor.stop()
    assert not processor._background.running


async def test_a_worker_may_be_stopped_before_it_starts_and_twice(make_settings: SettingsMaker) -> None:
    processor = JobProcessor(settings=make_settings(SCRAPER_CONCURRENT_JOBS="7"), records=False)
    assert processor.worker_count == 7
    await processor.stop()
    await processor.initialize()
    await processor.stop()
    await processor.stop()
    assert not processor._background.running


async def test_a_worker_works_on_when_redis_was_emptied(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    async with working(make_settings()):
        await redis.flushall()
        await eventually(queue.read_generation)
        job = spec("Echo", "PETR4")
        await queue.enqueue([job])
        await ended(views, job, JobStatus.COMPLETED)


@pytest.mark.parametrize("kind", [*ODD, "numpy"])
async def test_odd_results_are_stored_or_fail_with_the_reason(
    make_settings: SettingsMaker,
    queue: QueueCommands,
    views: QueueViews,
    redis: redis_asyncio.Redis,
    pool: asyncpg.Pool,
    kind: str,
) -> None:
    job, after = spec("Odd", kind), spec("Echo", "after it")
    async with working(make_settings(), slots=1):
        await queue.enqueue([job, after])
        await eventually(lambda: views.status(after.id), lambda now: now is JobStatus.COMPLETED)
    recorder = Recorder(redis, pool)
    while await recorder.step():
        pass
    row = await pool.fetchrow("SELECT * FROM scraper_results WHERE job_id = $1", job.id)
    assert row is not None
    if kind in ("5.1 MB", "object"):
        assert not row["success"]
        assert row["error_class"] == "validation"
        assert ("5" in row["error"]) if kind == "5.1 MB" else ("object" in row["error"])
        return
    assert row["success"], row["error"]
    expected: dict[str, Any] = {
        "nan": {"value": None},
        "infinity": {"value": [None, None]},
        "datetime": {"value": "2026-01-02T03:04:00+00:00", "day": "2026-01-02"},
        "decimal": {"value": 12.34},
        "bytes": {"value": "AP8="},
        "surrogate": {"value": "a\ufffdb"},
        "nul": {"value": "ab"},
        "1e400": {"value": None},
        "numpy": {"value": 1.5, "count": 7},
    }
    assert row["data"] == expected.get(kind, ODD.get(kind))
    changed = kind in ("nan", "infinity", "surrogate", "nul", "1e400")
    assert bool(row["metadata"].get("sanitised")) == changed
    assert await redis.xlen("scraper:outbox") == 0
    assert await redis.xlen("scraper:outbox:dead") == 0


async def test_results_of_a_demo_are_marked_whether_they_are_good_or_not(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    good, bad = spec("Echo", "PETR4"), spec("Fails", "not_found")
    async with working(make_settings(PREGAO_SAMPLE="1")):
        await queue.enqueue([good, bad])
        await ended(views, good, JobStatus.COMPLETED)
        await ended(views, bad, JobStatus.FAILED)
    reports = [fact.ended_attempt.report for fact in await views.unrecorded() if fact.ended_attempt is not None]
    assert [report.metadata for report in reports if report.error is None] == [{"page": 1, "sample": True}]
    assert [report.metadata["sample"] for report in reports if report.error is not None] == [True]
