"""Redis lost, replaced or turned back: live jobs and fire marks return from PostgreSQL, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import redis.asyncio as redis_async
from tests.builders import written_to_file
from tests.running_jobs import a_spec, claim, complete, fail, run_one

from pregao.domain.clock import ManualClock
from pregao.domain.errors import GenerationMissing
from pregao.domain.job import JobPriority, JobStatus
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.facts import Firing
from pregao.queue.keys import Keys
from pregao.queue.views import QueueViews
from pregao.recovery import ensure_generation, reconcile
from pregao.store.migrations import migrate
from pregao.store.pool import open_pool
from pregao.store.recorder import Recorder

KEYS = Keys()
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def commands(redis: redis_async.Redis) -> QueueCommands:
    return QueueCommands(redis)


@pytest.fixture
def views(redis: redis_async.Redis) -> QueueViews:
    return QueueViews(redis)


@pytest.fixture
async def record(
    redis: redis_async.Redis, pool: asyncpg.Pool, commands: QueueCommands
) -> Callable[[], Awaitable[None]]:
    """Both know the same generation; call it to record everything."""
    await reconcile(commands, pool)
    recorder = Recorder(redis, pool)

    async def drain() -> None:
        while await recorder.step():
            pass

    return drain


async def known(pool: asyncpg.Pool) -> int | None:
    generation: int | None = await pool.fetchval("SELECT generation FROM queue_generation")
    return generation


async def test_a_new_redis_gets_a_generation_of_the_current_time(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool
) -> None:
    await redis.flushall()
    done = await reconcile(commands, pool, clock=ManualClock(NOW))
    assert done is not None
    assert (done.cause, done.jobs) == ("no marker", 0)
    assert done.generation == int(NOW.timestamp()) + 1
    assert await commands.read_generation() == await known(pool) == done.generation


async def test_nothing_happens_while_both_agree(commands: QueueCommands, pool: asyncpg.Pool) -> None:
    await reconcile(commands, pool)
    assert await reconcile(commands, pool) is None


async def test_generations_rise_even_when_the_clock_does_not(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool
) -> None:
    generations = []
    for _ in range(3):
        await redis.flushall()
        done = await reconcile(commands, pool, clock=ManualClock(NOW))
        assert done is not None
        generations.append(done.generation)
    assert generations == sorted(set(generations))


async def test_every_unfinished_job_returns_in_the_order_of_its_creation(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool, record: Callable[[], Awaitable[None]]
) -> None:
    specs = [a_spec(ticker=str(n), created_at=NOW + timedelta(seconds=n)) for n in range(5)]
    await commands.enqueue(specs)
    await run_one(commands, a_spec(priority=JobPriority.HIGH), 1)
    await claim(commands, job_id=specs[2].id)
    await record()
    await redis.flushall()
    done = await reconcile(commands, pool)
    assert done is not None
    assert done.jobs == 5
    assert [claimed.spec.id for claimed in await claim(commands, want=10)] == [spec.id for spec in specs]


async def test_a_restored_job_keeps_all_that_it_was_accepted_with_and_its_counts(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool, record: Callable[[], Awaitable[None]]
) -> None:
    spec = a_spec(
        priority=JobPriority.LOW, max_retries=7, timeout_seconds=9.5, metadata={"who": "me"}, unique_key="one",
        schedule_name="daily", fire_time=NOW, created_at=NOW,
    )  # fmt: skip
    await commands.enqueue([spec])
    await fail(commands, (await claim(commands))[0], retryable=True, error="no route")
    await commands.make_due(spec.id)
    await record()
    await redis.flushall()
    await reconcile(commands, pool)
    [claimed] = await claim(commands, job_id=spec.id)
    assert claimed.spec == spec
    assert (claimed.attempt, claimed.retry_count) == (2, 1)
    assert claimed.document["error"] == "no route"
    [duplicate] = await commands.enqueue([a_spec(unique_key="one")])
    assert (duplicate.code, duplicate.job_id) == ("duplicate", spec.id)


async def test_a_job_that_waits_for_its_retry_returns_with_its_due_time(
    redis: redis_async.Redis,
    commands: QueueCommands,
    views: QueueViews,
    pool: asyncpg.Pool,
    record: Callable[[], Awaitable[None]],
) -> None:
    spec = a_spec()
    await commands.enqueue([spec])
    await fail(commands, (await claim(commands))[0], retryable=True)
    before = await views.document(spec.id)
    await record()
    await redis.flushall()
    await reconcile(commands, pool)
    after = await views.document(spec.id)
    assert before is not None
    assert after is not None
    assert after["status"] == "retry"
    assert after["due_at"] == before["due_at"]
    assert await views.delayed_ids() == [spec.id]


async def test_what_a_restored_job_does_next_is_recorded(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool, record: Callable[[], Awaitable[None]]
) -> None:
    spec = a_spec()
    await commands.enqueue([spec])
    await record()
    await redis.flushall()
    await reconcile(commands, pool)
    await complete(commands, (await claim(commands))[0], {"price": 1})
    await record()
    assert await pool.fetchval("SELECT status FROM jobs") == "completed"
    assert await pool.fetchval("SELECT data FROM scraper_results") == {"price": 1}


async def test_fire_marks_return_so_that_no_occurrence_fires_twice(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool, record: Callable[[], Awaitable[None]]
) -> None:
    firing = Firing(schedule_name="daily", scraper_name="B3", fire_time=NOW, outcome="missed")
    assert await commands.fire(firing, []) == "fired"
    await record()
    await redis.flushall()
    done = await reconcile(commands, pool)
    assert done is not None
    assert done.marks == 1
    assert await commands.fired_marks() == {"daily": NOW}
    assert await commands.fire(firing, [a_spec()]) == "already"


async def test_scripts_refuse_until_the_marker_is_back(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool
) -> None:
    await redis.flushall()
    with pytest.raises(GenerationMissing):
        await commands.enqueue([a_spec()])
    await reconcile(commands, pool)
    assert [accepted.code for accepted in await commands.enqueue([a_spec()])] == ["created"]


async def test_processes_that_recover_at_once_do_it_once(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool, record: Callable[[], Awaitable[None]]
) -> None:
    specs = [a_spec() for _ in range(3)]
    await commands.enqueue(specs)
    await record()
    await redis.flushall()
    done = await asyncio.gather(*[reconcile(commands, pool) for _ in range(4)])
    assert [one.jobs for one in done if one is not None] == [3]
    assert len(await claim(commands, want=10)) == 3


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["restore", "restore_fired", "open_generation"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_recovery_that_is_killed_anywhere_is_finished_by_the_next(
    redis: redis_async.Redis,
    commands: QueueCommands,
    views: QueueViews,
    pool: asyncpg.Pool,
    record: Callable[[], Awaitable[None]],
    step: str,
    when: str,
) -> None:
    specs = [a_spec() for _ in range(3)]
    await commands.enqueue(specs)
    await record()
    await redis.flushall()
    killed = QueueCommands(redis)
    do = getattr(killed, step)

    async def die(*arguments: object) -> None:
        if when == "after":
            await do(*arguments)
        raise Killed

    setattr(killed, step, die)
    with pytest.raises(Killed):
        await reconcile(killed, pool)
    assert await reconcile(commands, pool) is not None
    assert await commands.read_generation() == await known(pool)
    assert (await views.lengths()).total == 3
    assert await reconcile(commands, pool) is None


async def test_a_redis_turned_back_to_an_old_copy_gets_a_new_generation_and_what_it_lacks(
    redis: redis_async.Redis,
    commands: QueueCommands,
    views: QueueViews,
    pool: asyncpg.Pool,
    record: Callable[[], Awaitable[None]],
) -> None:
    old, new = a_spec(), a_spec()
    await commands.enqueue([old, new])
    await record()
    generation = await known(pool)
    assert generation is not None
    await pool.execute("UPDATE queue_generation SET generation = generation + 10")
    await redis.delete(KEYS.meta(new.id), KEYS.data(new.id), KEYS.status(new.id))
    await redis.lrem(KEYS.ready(JobPriority.NORMAL), 0, new.id)
    done = await reconcile(commands, pool)
    assert done is not None
    assert (done.cause, done.jobs) == ("old copy", 1)
    assert done.generation > generation + 10
    assert (await views.lengths()).total == 2


async def test_a_job_that_redis_already_has_is_left_alone(
    redis: redis_async.Redis, commands: QueueCommands, pool: asyncpg.Pool, record: Callable[[], Awaitable[None]]
) -> None:
    spec = a_spec()
    await commands.enqueue([spec])
    await record()
    [claimed] = await claim(commands)
    await redis.set(KEYS.generation, (await known(pool) or 0) + 1)
    done = await reconcile(commands, pool)
    assert done is not None
    assert (done.cause, done.jobs) == ("opened without PostgreSQL", 0)
    await complete(commands, claimed, 1)


async def test_with_postgresql_away_work_starts_on_a_provisional_generation_and_is_reconciled_later(
    redis: redis_async.Redis, commands: QueueCommands, views: QueueViews, postgres_server: Postgres
) -> None:
    database_url = postgres_server.private_url_of("postgres")
    await migrate(database_url)
    pool = await open_pool(database_url)
    recorder = Recorder(redis, pool)
    await reconcile(commands, pool)
    remembered, accepted_later = a_spec(), a_spec()
    await commands.enqueue([remembered])
    assert await recorder.step() == 1
    before = await known(pool)
    await asyncio.to_thread(postgres_server.stop)
    await redis.flushall()

    assert await ensure_generation(commands, pool) is None
    provisional = await commands.read_generation()
    await commands.enqueue([accepted_later])
    assert await ensure_generation(commands, pool) is None
    assert await commands.read_generation() == provisional

    await asyncio.to_thread(postgres_server.start)
    done = await ensure_generation(commands, pool)
    assert done is not None
    assert (done.cause, done.jobs, done.generation) == ("opened without PostgreSQL", 1, provisional)
    assert await known(pool) == provisional
    assert before is not None
    assert provisional is not None
    assert provisional > before
    assert (await views.lengths()).total == 2
    await pool.close()


async def test_a_running_recorder_recovers_a_redis_that_was_wiped(
    redis: redis_async.Redis, commands: QueueCommands, views: QueueViews, pool: asyncpg.Pool
) -> None:
    spec = a_spec()
    run = asyncio.ensure_future(Recorder(redis, pool, reconcile=lambda: ensure_generation(commands, pool)).run())
    try:
        async with asyncio.timeout(60):
            while await commands.read_generation() == 1 and await known(pool) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await commands.enqueue([spec])
            while await redis.xlen(KEYS.outbox):  # noqa: ASYNC110 - the recorder is the one to tell
                await asyncio.sleep(0.01)
            await redis.flushall()
            while await commands.read_generation() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert await views.status(spec.id) is JobStatus.PENDING


async def test_a_server_that_was_started_again_gets_back_what_its_file_had_lost(
    valkey_server: Valkey, pool: asyncpg.Pool
) -> None:
    """A power cut may cost the last second of the append-only file: here the whole job, but not the marker."""
    async with open_redis(valkey_server.url) as redis:
        commands, job = QueueCommands(redis), a_spec()
        await reconcile(commands, pool)
        await commands.enqueue([job])
        while await Recorder(redis, pool).step():
            pass
        lost = [f"scraper:job:{job.id}:{part}" for part in ("meta", "data", "status")]
        await redis.delete("scraper:jobs:normal", *lost)
        assert await reconcile(commands, pool) is None
        await written_to_file(redis)
        valkey_server.kill()
        valkey_server.start()
        done = await reconcile(commands, pool)
        assert done is not None
        assert (done.cause, done.jobs) == ("restarted", 1)
        assert await redis.lrange("scraper:jobs:normal", 0, -1) == [job.id.encode()]  # type: ignore[misc]
        assert await reconcile(commands, pool) is None
