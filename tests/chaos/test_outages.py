"""Engines that are away or emptied while real processes work: what must come back does, by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec
from tests.chaos.fleet import Fleet

from pregao.domain.job import JobStatus
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.views import QueueViews
from pregao.store.migrations import migrate

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]


@pytest.fixture
def fleet(valkey_server: Valkey, postgres_server: Postgres, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(
        tmp_path / "fleet",
        valkey_server.url,
        postgres_server.private_url_of("postgres"),
        PREGAO_LEASE_MS="2000",
        LOG_LEVEL="INFO",
        PREGAO_TEST_JOB_SECONDS="0.01",
    )
    yield fleet
    fleet.stop()


@pytest.fixture
async def redis(valkey_server: Valkey) -> AsyncIterator[redis_asyncio.Redis]:
    async with open_redis(valkey_server.url) as client:
        yield client


async def results(postgres: Postgres) -> dict[str, bool]:
    connection = await asyncpg.connect(postgres.private_url_of("postgres"))
    try:
        rows = await connection.fetch("SELECT job_id::text, success FROM scraper_results")
    finally:
        await connection.close()
    return {row["job_id"]: row["success"] for row in rows}


async def test_a_worker_starts_and_works_while_postgres_is_down_and_records_when_it_returns(
    fleet: Fleet, redis: redis_asyncio.Redis, postgres_server: Postgres
) -> None:
    await migrate(postgres_server.private_url_of("postgres"))
    postgres_server.kill()
    await redis.flushall()
    fleet.start()
    commands, views = QueueCommands(redis), QueueViews(redis)
    await eventually(commands.read_generation, seconds=60, what="a provisional generation")
    jobs = [spec("Logged", f"T{n}") for n in range(20)]
    await commands.enqueue(jobs)
    for job in jobs:
        await eventually(lambda job=job: views.status(job.id), lambda now: now is JobStatus.COMPLETED)  # type: ignore[misc]
    assert len(await views.unrecorded()) == 40, "nothing is recorded yet, nothing is lost"
    postgres_server.start()
    await eventually(lambda: results(postgres_server), lambda rows: len(rows) == 20, seconds=30, what="recording")
    assert set(await results(postgres_server)) == {job.id for job in jobs}


async def test_unfinished_jobs_come_back_after_a_flushall(
    fleet: Fleet, redis: redis_asyncio.Redis, postgres_server: Postgres
) -> None:
    await migrate(postgres_server.private_url_of("postgres"))
    commands, views = QueueCommands(redis), QueueViews(redis)
    recorder = fleet.start("recorder")
    jobs = [spec("Logged", f"T{n}") for n in range(50)]
    await commands.enqueue(jobs)
    await eventually(views.outbox, lambda outbox: outbox.entries == 0, seconds=60, what="recording the requests")
    await redis.flushall()
    await eventually(commands.read_generation, seconds=30, what="the recorder rebuilding the queue")
    assert (await views.lengths()).total == 50
    fleet.start()
    await eventually(lambda: results(postgres_server), lambda rows: len(rows) == 50, seconds=60, what="all results")
    assert set(fleet.executions().values()) == {1}
    os.kill(recorder.pid, signal.SIGTERM)
    assert recorder.wait(20) == 0


async def test_jobs_of_before_come_back_when_both_engines_were_lost_and_postgres_returns_later(
    fleet: Fleet, redis: redis_asyncio.Redis, postgres_server: Postgres
) -> None:
    await migrate(postgres_server.private_url_of("postgres"))
    commands, views = QueueCommands(redis), QueueViews(redis)
    recorder = fleet.start("recorder")
    before = spec("Logged", "before")
    await commands.enqueue([before])
    await eventually(views.outbox, lambda outbox: outbox.entries == 0, seconds=60, what="recording the request")
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()
    postgres_server.kill()
    await redis.flushall()
    fleet.start()
    await eventually(commands.read_generation, seconds=60, what="a provisional generation")
    during = spec("Logged", "during")
    await commands.enqueue([during])
    await eventually(lambda: views.status(during.id), lambda now: now is JobStatus.COMPLETED)
    assert await views.status(before.id) is None
    postgres_server.start()
    await eventually(lambda: results(postgres_server), lambda rows: len(rows) == 2, seconds=60, what="both results")
    assert fleet.executions() == {"before": 1, "during": 1}
