"""Isolated scrapers through a real worker: leases, other jobs, cancels, shutdown, killed attempts, logs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.api_service import api_service
from tests.builders import eventually, spec
from tests.foreign import PLATFORM, directory
from tests.isolating import MISBEHAVING, alive, entries, ours, pids_in, written
from tests.working import SettingsMaker, ended, working

from pregao.domain.job import JobSpec, JobStatus
from pregao.queue.breakers import FailureRun
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.store.history import History
from pregao.store.recorder import Recorder

Prepare = Callable[..., Settings]


@pytest.fixture
def prepared(make_settings: SettingsMaker) -> Prepare:
    """Settings of a worker that has the misbehaving scrapers beside the sample ones."""

    def prepare(**overrides: str) -> Settings:
        return make_settings(PATH=os.environ["PATH"], SCRAPERS_PATH=str(MISBEHAVING), **overrides)

    return prepare


@pytest.fixture(autouse=True)
def _imports() -> Iterator[None]:
    """What a directory of a test brought into this process goes with the test."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in ("scrapers", "base_scraper", "config"):
            del sys.modules[name]


async def recorded(redis: redis_asyncio.Redis, pool: asyncpg.Pool, job_id: str) -> list[dict[str, Any]]:
    """The attempts of a job, once PostgreSQL has them."""
    recorder = Recorder(redis, pool)
    while await recorder.step():
        pass
    return await History(pool).attempts(job_id)


def test_every_one_of_the_misbehaving_scrapers_is_discovered(prepared: Prepare) -> None:
    registry = Registry.load(prepared())
    assert registry.problems == []
    found = [entry for entry in registry.entries() if entry.directory == MISBEHAVING]
    assert len(found) == len(list((MISBEHAVING / "scrapers").glob("*_scraper.py")))
    assert {entry.executor for entry in found} == {"isolated"}


async def test_an_isolated_scraper_completes_like_any_other(
    prepared: Prepare, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    job = spec("Shared Gate", "PETR4")
    async with working(prepared()):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.COMPLETED)
    assert document["result"] == {"passed": 3}
    [attempt] = await recorded(redis, pool, job.id)
    assert (attempt["outcome"], attempt["exit_signal"], attempt["source"]) == ("completed", None, "MISBEHAVING")
    assert attempt["peak_memory_mb"] > 1
    assert attempt["cpu_seconds"] > 0
    assert ours() == []


async def test_in_loop_and_isolated_scrapers_run_in_one_worker(
    prepared: Prepare, queue: QueueCommands, views: QueueViews
) -> None:
    jobs = [spec("Echo", "PETR4"), spec("SharedGate", "PETR4")]
    async with working(prepared()):
        await queue.enqueue(jobs)
        for job in jobs:
            await ended(views, job, JobStatus.COMPLETED)


async def test_a_scraper_that_blocks_past_its_leases_loses_none_and_delays_nobody(
    prepared: Prepare, queue: QueueCommands, views: QueueViews
) -> None:
    """Three leases long; jobs in the worker's own event loop run beside it, and the worker's heart beats."""
    blocking, beside = spec("Blocking", "1.8"), [spec("Echo", f"T{n}") for n in range(20)]
    async with working(prepared(PREGAO_LEASE_MS="600"), slots=2):
        await queue.enqueue([blocking, *beside])
        await eventually(lambda: views.status(blocking.id), lambda status: status is JobStatus.RUNNING)
        for job in beside:
            await ended(views, job, JobStatus.COMPLETED)
        assert await views.status(blocking.id) is JobStatus.RUNNING
        [before] = await views.workers()
        await eventually(views.workers, lambda workers: workers[0].heartbeat_at != before.heartbeat_at)
        document = await ended(views, blocking, JobStatus.COMPLETED)
    assert (document["attempt"], document["result"]) == (1, {"slept": 1.8})


async def test_scrapers_that_block_run_at_the_same_time(
    prepared: Prepare, queue: QueueCommands, views: QueueViews
) -> None:
    jobs = [spec("Blocking", "1") for _ in range(3)]
    async with working(prepared(), slots=3):
        await queue.enqueue(jobs)

        async def running() -> list[JobStatus | None]:
            return [await views.status(job.id) for job in jobs]

        await eventually(running, lambda now: now == [JobStatus.RUNNING] * 3)
        for job in jobs:
            await ended(views, job, JobStatus.COMPLETED)


async def test_a_cancelled_job_is_really_stopped(
    prepared: Prepare, queue: QueueCommands, views: QueueViews, tmp_path: Path, redis: redis_asyncio.Redis,
    pool: asyncpg.Pool,
) -> None:  # fmt: skip
    job, file = spec("Daemon", f"wait:{tmp_path / 'pid'}"), tmp_path / "pid"
    async with working(prepared()):
        await queue.enqueue([job])
        await written(file)
        await queue.cancel(job.id)
        await ended(views, job, JobStatus.CANCELLED)
        assert alive(pids_in(file)) == []
    [attempt] = await recorded(redis, pool, job.id)
    assert (attempt["outcome"], attempt["error"]) == ("cancelled", "cancelled while running")


async def test_a_timeout_of_a_job_is_kept_by_force(
    prepared: Prepare, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    job = spec("Looping", "PETR4", timeout_seconds=0.3, max_retries=0)
    async with working(prepared(SCRAPER_CLEANUP_SECONDS="0.2")):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.FAILED)
    assert document["error"].startswith("timed out after 0.3 s; its process did not react, and was killed, at ")
    [attempt] = await recorded(redis, pool, job.id)
    assert (attempt["error_class"], attempt["exit_signal"]) == ("timeout", "SIGTERM")


async def test_the_limits_come_from_the_settings(prepared: Prepare, queue: QueueCommands, views: QueueViews) -> None:
    job = spec("Memory", "400")
    async with working(prepared(SCRAPER_MEMORY_MB="150")):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.RETRY)
    assert "of 150 MB allowed; MemoryScraper" in document["error"]


async def test_a_killed_attempt_is_run_again_after_a_backoff(
    prepared: Prepare, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    job = spec("Crashing", "segfault")
    async with working(prepared()):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.RETRY)
        await queue.make_due(job.id)
        await eventually(lambda: views.document(job.id), lambda now: now is not None and now["attempt"] == 2)
    assert "ended by SIGSEGV (a segmentation fault)" in document["error"]
    first = (await recorded(redis, pool, job.id))[0]
    assert (first["outcome"], first["error_class"], first["exit_signal"]) == ("failed", "killed", "SIGSEGV")


async def test_a_killed_attempt_spends_no_retry(prepared: Prepare, queue: QueueCommands, views: QueueViews) -> None:
    job = spec("Crashing", "os._exit", max_retries=0)
    async with working(prepared()):
        await queue.enqueue([job])
        document = await after_attempt(views, job, 1)
    assert (document["status"], document["retry_count"]) == ("retry", 0)


async def test_the_third_killed_attempt_fails_the_job_as_poison(
    prepared: Prepare, queue: QueueCommands, views: QueueViews
) -> None:
    """However many retries it has."""
    job = spec("Crashing", "segfault", max_retries=10)
    async with working(prepared()):
        await queue.enqueue([job])
        for attempt in (1, 2):
            assert (await after_attempt(views, job, attempt))["status"] == "retry"
            await queue.make_due(job.id)
        document = await after_attempt(views, job, 3)
    assert (document["status"], document["retry_count"]) == ("failed", 0)
    assert document["error"].startswith("killed 3 times: the job is poison; the last time: the scraper's process was ")
    assert "SIGSEGV" in document["error"]


async def test_processes_that_die_in_a_row_open_the_breaker(
    prepared: Prepare, queue: QueueCommands, views: QueueViews
) -> None:
    settings = prepared()
    Path(settings.scrapers_file).write_text("defaults: {breaker_failures: 2}")

    async def published() -> bool:
        return "breaker:scraper:crashing" in await queue.control_fields()

    async with working(settings):
        await eventually(published)
        for job in (spec("Crashing", "os._exit"), spec("Crashing", "segfault")):
            await queue.enqueue([job])
            await after_attempt(views, job, 1)
    breaker = (await views.gates()).breakers["crashing"]
    assert breaker.run == FailureRun("killed", 2)
    assert "SIGSEGV" in breaker.why


async def after_attempt(views: QueueViews, job: JobSpec, attempt: int) -> dict[str, Any]:
    """The job's document once that attempt has ended."""

    def over(document: dict[str, Any] | None) -> bool:
        return document is not None and document["attempt"] == attempt and document["status"] in ("retry", "failed")

    document = await eventually(lambda: views.document(job.id), over, what=f"the end of attempt {attempt}")
    assert document is not None
    return document


async def test_running_attempts_finish_within_the_grace(
    prepared: Prepare, queue: QueueCommands, views: QueueViews, tmp_path: Path
) -> None:
    job = spec("Blocking", "0.5")
    async with working(prepared()):
        await queue.enqueue([job])
        await eventually(lambda: views.status(job.id), lambda status: status is JobStatus.RUNNING)
    assert await views.status(job.id) is JobStatus.COMPLETED


async def test_what_does_not_finish_within_the_grace_is_stopped_and_released_with_its_log(
    prepared: Prepare, queue: QueueCommands, views: QueueViews, tmp_path: Path, redis: redis_asyncio.Redis,
    pool: asyncpg.Pool,
) -> None:  # fmt: skip
    jobs = [spec("Diary", f"hang:{tmp_path / 'diary'}"), spec("DeafChild", f"wait:{tmp_path / 'pids'}")]
    async with working(prepared(PREGAO_GRACE_SECONDS="4")):
        await queue.enqueue(jobs)
        await entries(tmp_path / "diary")
        pids = await written(tmp_path / "pids", 2)
    assert [await views.status(job.id) for job in jobs] == [JobStatus.PENDING] * 2
    assert (tmp_path / "diary").read_text().split() == ["scrape", "cancelled", "cleanup", "cleaned"]
    assert alive(pids) == []
    [attempt] = await recorded(redis, pool, jobs[1].id)
    assert attempt["outcome"] == "released"
    assert "processes were left running and are killed" in attempt["logs"]


async def test_what_an_attempt_printed_is_at_every_door(
    prepared: Prepare, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    job, settings = spec("Printing", "0"), prepared()
    async with working(settings):
        await queue.enqueue([job])
        await ended(views, job, JobStatus.COMPLETED)
    await recorded(redis, pool, job.id)
    async with api_service(settings) as api:
        [attempt] = (await api.get(f"/{job.id}/attempts"))["attempts"]
    assert "said by a child\n" in attempt["logs"]
    assert attempt["outcome"] == "completed"


async def test_the_attempts_of_an_unknown_job_are_not_found(prepared: Prepare) -> None:
    async with api_service(prepared()) as api:
        answer = await api.client.get("/api/jobs/00000000-0000-0000-0000-000000000000/attempts")
    assert answer.status_code == 404


async def test_scrapers_of_several_directories_run_in_one_worker(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    """Two directories, each with a zygote of its own."""
    path = os.pathsep.join(map(str, (MISBEHAVING, PLATFORM)))
    jobs = [spec("Limited", "PETR4"), spec("SharedGate", "PETR4")]
    async with working(make_settings(PATH=os.environ["PATH"], SCRAPERS_PATH=path)):
        await queue.enqueue(jobs)
        for job in jobs:
            await ended(views, job, JobStatus.COMPLETED)


WHERE = """
import os
async def scrape(self, ticker):
    return self.found({"pid": os.getpid()})
WhereScraper.scrape = scrape
"""


@pytest.mark.parametrize("executor", ["in_loop", "isolated"])
async def test_each_scraper_runs_where_its_executor_says(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, tmp_path: Path, executor: str
) -> None:
    folder = directory(tmp_path / f"own_{executor}", {"Where": WHERE})
    settings = make_settings(PATH=os.environ["PATH"], SCRAPERS_PATH=str(folder))
    settings.scrapers_file.write_text(f"scrapers:\n  Where: {{executor: {executor}}}\n")
    job = spec("Where", "PETR4")
    async with working(settings):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.COMPLETED)
    assert (document["result"]["pid"] == os.getpid()) is (executor == "in_loop")


async def test_what_comes_with_pregao_cannot_be_isolated_and_says_so(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    settings = make_settings()
    settings.scrapers_file.write_text("scrapers:\n  Echo: {executor: isolated}\n")
    job = spec("Echo", "PETR4")
    async with working(settings):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.FAILED)
    assert document["error"].startswith("Echo cannot have `executor: isolated`: only scrapers of SCRAPERS_PATH run in")


async def test_a_worker_without_directories_starts_no_process(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Echo", "PETR4")
    async with working(make_settings()):
        await queue.enqueue([job])
        await ended(views, job, JobStatus.COMPLETED)
        assert ours() == []
        await asyncio.sleep(0)
