"""What is written, committed, told and dropped, in this order: seen from between the steps."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
import redis.asyncio as redis_async
from tests.builders import eventually
from tests.running_jobs import a_spec, run_one

from pregao.queue.commands import QueueCommands
from pregao.queue.keys import Keys
from pregao.recovery import reconcile
from pregao.store import recorder as recorder_module
from pregao.store.recorder import Recorder

KEYS = Keys()
COMMIT_LOCK = 20_261_123
WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted"


async def hold_up_every_commit(pool: asyncpg.Pool) -> None:
    """From now on a commit with a result in it waits for COMMIT_LOCK, when all its rows are written."""
    await pool.execute(
        f"CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN PERFORM pg_advisory_xact_lock({COMMIT_LOCK}); RETURN NULL; END $$"
    )
    await pool.execute(
        "CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON scraper_results "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_the_test()"
    )


async def test_nobody_hears_of_a_result_before_it_is_committed(redis: redis_async.Redis, pool: asyncpg.Pool) -> None:
    await run_one(QueueCommands(redis), a_spec(), 1)
    await hold_up_every_commit(pool)
    async with redis.pubsub() as channel, pool.acquire() as holder:
        await channel.subscribe(KEYS.events)
        assert await channel.get_message(timeout=10)  # the confirmation
        async with asyncio.TaskGroup() as group:
            async with holder.transaction():
                await holder.execute("SELECT pg_advisory_xact_lock($1)", COMMIT_LOCK)
                recording = group.create_task(Recorder(redis, pool).step())
                await eventually(lambda: pool.fetchval(WAITS, COMMIT_LOCK), what="the commit")
                assert await channel.get_message(ignore_subscribe_messages=True, timeout=0.5) is None
            assert await recording
        event = await channel.get_message(ignore_subscribe_messages=True, timeout=10)
    assert event is not None
    assert b"job_completed" in event["data"]


async def test_facts_stay_in_the_outbox_until_they_are_committed(
    redis: redis_async.Redis, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for the end of the process."""

    async def die(*_: object, **__: object) -> None:
        raise Killed

    await run_one(QueueCommands(redis), a_spec(), 1)
    waiting = await redis.xlen(KEYS.outbox)
    with monkeypatch.context() as patch:
        patch.setattr(recorder_module, "write", die)
        with pytest.raises(Killed):
            await Recorder(redis, pool).step()
    assert await redis.xlen(KEYS.outbox) == waiting
    assert await Recorder(redis, pool).step() == waiting


@pytest.mark.parametrize("step", ["restore", "restore_fired"])
async def test_nobody_can_work_on_a_queue_that_is_only_half_restored(
    redis: redis_async.Redis, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    queue = QueueCommands(redis)
    await reconcile(queue, pool)
    await queue.enqueue([a_spec()])
    while await Recorder(redis, pool).step():
        pass
    await redis.flushall()
    do, markers = getattr(QueueCommands, step), []

    async def look_first(commands: QueueCommands, *arguments: Any) -> Any:
        markers.append(await commands.read_generation())
        return await do(commands, *arguments)

    monkeypatch.setattr(QueueCommands, step, look_first)
    await reconcile(queue, pool)
    assert markers == [None]
    assert await queue.read_generation() is not None
