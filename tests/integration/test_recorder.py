"""The recorder: facts from a real outbox become rows, once, whatever is in them and whoever is killed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import numpy as np
import orjson
import pytest
import redis.asyncio as redis_async
from tests.running_jobs import a_spec, claim, complete, fail, run_one

from pregao.domain.errors import StoreUnavailable
from pregao.domain.job import JobPriority
from pregao.domain.service import Background
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.facts import Firing
from pregao.queue.keys import Keys
from pregao.store.migrations import migrate
from pregao.store.outbox import BATCH_BYTES, BATCH_ENTRIES, Outbox
from pregao.store.pool import open_pool
from pregao.store.recorder import RECORDER_LOCK, Recorder

KEYS = Keys()


@pytest.fixture
def commands(redis: redis_async.Redis) -> QueueCommands:
    return QueueCommands(redis)


@pytest.fixture
def recorder(redis: redis_async.Redis, pool: asyncpg.Pool) -> Recorder:
    return Recorder(redis, pool)


@pytest.fixture
async def events(redis: redis_async.Redis) -> AsyncIterator[Callable[[], Any]]:
    """Call it for the events published since the test began, final ones only."""
    pubsub = redis.pubsub()
    await pubsub.subscribe(KEYS.events)
    assert await pubsub.get_message(timeout=10)  # the confirmation

    async def published() -> list[dict[str, Any]]:
        found = []
        while message := await pubsub.get_message(ignore_subscribe_messages=True, timeout=0.2):
            event = orjson.loads(message["data"])
            if event["event"] in ("job_completed", "job_failed", "job_cancelled"):
                found.append(event)
        return found

    yield published
    await pubsub.aclose()  # type: ignore[no-untyped-call]


async def drain(recorder: Recorder) -> int:
    total = 0
    while recorded := await recorder.step():
        total += recorded
    return total


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[None]:
    service = Background("recorder")
    service.start(recorder.run)
    try:
        yield
        assert service.running
    finally:
        await service.stop()


async def until_recorded(redis: redis_async.Redis) -> None:
    async with asyncio.timeout(30):
        while await redis.xlen(KEYS.outbox):  # noqa: ASYNC110 - another process would be the one to tell
            await asyncio.sleep(0.01)


async def one_row(pool: asyncpg.Pool, table: str, job_id: str) -> asyncpg.Record:
    row = await pool.fetchrow(f"SELECT * FROM {table} WHERE job_id = $1", uuid.UUID(job_id))
    assert row is not None
    return row


async def test_an_accepted_job_has_a_row_with_everything_that_enqueue_needs(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    spec = a_spec(
        priority=JobPriority.HIGH, max_retries=5, timeout_seconds=12.5, metadata={"who": "me"}, unique_key="once",
        schedule_name="daily", fire_time=datetime(2026, 1, 5, 12, tzinfo=UTC), retried_from=str(uuid.uuid4()),
    )  # fmt: skip
    await commands.enqueue([spec])
    assert await recorder.step() == 1
    row = await one_row(pool, "jobs", spec.id)
    assert row["status"] == "pending"
    for name in (
        "scraper_name", "ticker", "priority", "max_retries", "timeout_seconds", "metadata", "unique_key",
        "schedule_name", "fire_time",
    ):  # fmt: skip
        assert row[name] == getattr(spec, name), name
    assert str(row["retried_from"]) == spec.retried_from
    assert abs(row["created_at"] - spec.created_at) < timedelta(milliseconds=1)


async def test_a_completed_job_has_one_result_row_and_one_attempt(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    spec = a_spec()
    await run_one(commands, spec, {"price": 38.1}, response_time_seconds=1.25, source="b3", metadata={"as_of": "x"})
    await drain(recorder)
    result = await one_row(pool, "scraper_results", spec.id)
    assert (result["scraper_name"], result["ticker"], result["success"]) == ("B3", "PETR4", True)
    assert (result["data"], result["error"]) == ({"price": 38.1}, None)
    assert (float(result["response_time"]), result["source"], result["metadata"]) == (1.25, "b3", {"as_of": "x"})
    attempt = await one_row(pool, "job_attempts", spec.id)
    assert (attempt["attempt"], attempt["outcome"], attempt["worker"]) == (1, "completed", "tester")
    job = await one_row(pool, "jobs", spec.id)
    assert (job["status"], job["attempt"], job["error"]) == ("completed", 1, None)
    assert job["completed_at"] == result["executed_at"]
    assert job["started_at"] == attempt["started_at"]


async def test_every_failed_attempt_is_kept_with_its_error_and_class(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    spec = a_spec(max_retries=1)
    await commands.enqueue([spec])
    [first] = await claim(commands)
    await fail(commands, first, retryable=True, error="no route", error_class="network")
    await drain(recorder)
    waiting = await one_row(pool, "jobs", spec.id)
    assert (waiting["status"], waiting["retry_count"], waiting["error"]) == ("retry", 1, "no route")
    assert waiting["due_at"] is not None

    [second] = await claim(commands, job_id=spec.id)
    await fail(commands, second, retryable=True, error="timed out", error_class="timeout")
    await drain(recorder)
    attempts = await pool.fetch("SELECT attempt, error, error_class FROM job_attempts ORDER BY attempt")
    assert [tuple(row) for row in attempts] == [(1, "no route", "network"), (2, "timed out", "timeout")]
    result = await one_row(pool, "scraper_results", spec.id)
    assert (result["success"], result["error"], result["error_class"]) == (False, "timed out", "timeout")
    failed = await one_row(pool, "jobs", spec.id)
    assert (failed["status"], failed["due_at"]) == ("failed", None)


async def test_a_cancelled_job_has_no_result_row(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    spec = a_spec()
    await commands.enqueue([spec])
    await commands.cancel(spec.id)
    await drain(recorder)
    assert (await one_row(pool, "jobs", spec.id))["status"] == "cancelled"
    assert await pool.fetchval("SELECT count(*) FROM scraper_results") == 0


async def test_an_attempt_that_was_given_back_keeps_the_error_of_the_one_before(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    spec = a_spec()
    await commands.enqueue([spec])
    [first] = await claim(commands)
    await fail(commands, first, retryable=True, error="no route", error_class="network")
    [second] = await claim(commands, job_id=spec.id)
    await commands.release([(spec.id, second.token)], reason="the worker stops")
    await drain(recorder)
    row = await one_row(pool, "jobs", spec.id)
    assert (row["status"], row["error"], row["error_class"]) == ("pending", "no route", "network")
    outcomes = await pool.fetch("SELECT outcome, error FROM job_attempts ORDER BY attempt")
    assert [tuple(row) for row in outcomes] == [("failed", "no route"), ("released", "the worker stops")]


async def test_a_firing_is_recorded_with_its_tickers_and_jobs(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    specs = [a_spec(ticker=ticker) for ticker in ("PETR4", None)]
    fire_time = datetime(2026, 1, 5, 12, tzinfo=UTC)
    firing = Firing(
        schedule_name="daily", scraper_name="B3", fire_time=fire_time, outcome="late", detail="12 s late",
        tickers=[spec.ticker for spec in specs], job_ids=[spec.id for spec in specs],
    )  # fmt: skip
    assert await commands.fire(firing, specs) == "fired"
    assert await recorder.step() == 3
    row = await pool.fetchrow("SELECT * FROM schedule_executions")
    assert row is not None
    assert (row["schedule_name"], row["fire_time"], row["scraper_name"]) == ("daily", fire_time, "B3")
    assert (row["tickers"], row["job_ids"]) == (["PETR4", None], firing.job_ids)
    assert (row["outcome"], row["detail"]) == ("late", "12 s late")
    assert await pool.fetchval("SELECT count(*) FROM jobs") == 2


async def test_recorded_facts_leave_the_outbox(
    commands: QueueCommands, recorder: Recorder, redis: redis_async.Redis
) -> None:
    await run_one(commands, a_spec(), {})
    await drain(recorder)
    assert await redis.xlen(KEYS.outbox) == 0
    assert int(await redis.get(KEYS.outbox_bytes) or 0) == 0


async def test_the_event_of_an_ended_job_comes_after_its_row(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool, events: Callable[[], Any]
) -> None:
    spec = a_spec()
    await run_one(commands, spec, 1)
    assert await events() == []
    await drain(recorder)
    [event] = await events()
    assert event["event"] == "job_completed"
    assert (event["job_id"], event["scraper_name"], event["ticker"]) == (spec.id, "B3", "PETR4")
    assert (event["status"], event["success"]) == ("completed", True)
    assert await one_row(pool, "scraper_results", spec.id)


async def test_a_batch_that_was_committed_but_not_dropped_is_repeated_without_a_trace(
    commands: QueueCommands,
    recorder: Recorder,
    redis: redis_async.Redis,
    pool: asyncpg.Pool,
    events: Callable[[], Any],
) -> None:
    await run_one(commands, a_spec(), {"price": 1})
    entries = await redis.xrange(KEYS.outbox)
    await drain(recorder)
    before = [await pool.fetch(f"SELECT * FROM {table}") for table in ("jobs", "job_attempts", "scraper_results")]
    for number, (entry_id, fields) in enumerate(entries, 1):
        await redis.xadd(KEYS.outbox, fields, id=f"{entry_id.decode().split('-')[0]}9-{number}")
    await drain(recorder)
    after = [await pool.fetch(f"SELECT * FROM {table}") for table in ("jobs", "job_attempts", "scraper_results")]
    assert after == before
    first, second = await events()
    assert first["event_id"] == second["event_id"]


async def test_an_old_fact_that_comes_late_changes_nothing(
    commands: QueueCommands, recorder: Recorder, redis: redis_async.Redis, pool: asyncpg.Pool
) -> None:
    spec = a_spec()
    await commands.enqueue([spec])
    [(_, accepted)] = await redis.xrange(KEYS.outbox)
    [claimed] = await claim(commands)
    await complete(commands, claimed, 1)
    await drain(recorder)
    await redis.xadd(KEYS.outbox, accepted)
    await drain(recorder)
    assert (await one_row(pool, "jobs", spec.id))["status"] == "completed"


ODD_RESULTS: list[tuple[object, object]] = [
    ({}, {}),
    ([], []),
    (0, 0),
    ("", ""),
    (None, None),
    (False, False),
    ({"a": float("nan"), "b": float("inf"), "c": 1e400}, {"a": None, "b": None, "c": None}),
    ("a\x00b", "ab"),
    ("\ud800x", "\ufffdx"),
    (datetime(2026, 1, 5, tzinfo=UTC), "2026-01-05T00:00:00+00:00"),
    (np.float64(1.5), 1.5),
    (b"ab", "YWI="),
    ("\\u0000", "\\u0000"),
    (2**80, float(2**80)),
    ("x" * 4_900_000, "x" * 4_900_000),
]


@pytest.mark.parametrize(("result", "stored"), ODD_RESULTS, ids=lambda value: type(value).__name__)
async def test_an_odd_result_is_stored(
    result: object, stored: object, commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    spec = a_spec()
    await run_one(commands, spec, result)
    await drain(recorder)
    row = await one_row(pool, "scraper_results", spec.id)
    assert row["success"] is True
    assert row["data"] == stored
    assert type(row["data"]) is type(stored)


async def test_nul_and_lone_surrogates_around_a_job_do_not_stop_it(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool, redis: redis_async.Redis
) -> None:
    spec = a_spec(max_retries=0)
    await commands.enqueue([spec])
    [claimed] = await claim(commands)
    await fail(commands, claimed, error="bad\x00byte", metadata={"k\x00": 1})
    await drain(recorder)
    row = await one_row(pool, "scraper_results", spec.id)
    assert (row["error"], row["metadata"]) == ("badbyte", {"k": 1})
    assert await redis.xlen(KEYS.outbox_dead) == 0


async def test_a_prompt_of_any_length_is_a_ticker(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    # Hard to compress, so that no index could hold it whole.
    prompt = " ".join(str(uuid.uuid4()) for _ in range(2000))
    spec = a_spec(ticker=prompt)
    await run_one(commands, spec, 1)
    await drain(recorder)
    assert (await one_row(pool, "scraper_results", spec.id))["ticker"] == prompt


async def test_a_result_that_postgresql_refuses_fails_its_job_with_the_reason(
    commands: QueueCommands,
    recorder: Recorder,
    redis: redis_async.Redis,
    pool: asyncpg.Pool,
    events: Callable[[], Any],
) -> None:
    good, bad = a_spec(), a_spec()
    await commands.enqueue([good, bad])
    by_id = {claimed.job_id: claimed for claimed in await claim(commands, want=2)}
    await complete(commands, by_id[bad.id], result_json=b'"a\\u0000b"')
    await complete(commands, by_id[good.id], {"price": 1})
    await drain(recorder)
    assert (await one_row(pool, "scraper_results", good.id))["success"] is True
    refused = await one_row(pool, "scraper_results", bad.id)
    assert refused["success"] is False
    assert refused["error"].startswith("not recorded: refused: unsupported Unicode escape sequence")
    assert (await one_row(pool, "jobs", bad.id))["status"] == "failed"
    assert {event["job_id"]: event["event"] for event in await events()} == {
        good.id: "job_completed",
        bad.id: "job_failed",
    }
    [(_, dead)] = await redis.xrange(KEYS.outbox_dead)
    assert dead[b"job"].decode().split(" ")[0] == bad.id
    assert dead[b"result"] == b'j"a\\u0000b"'
    assert b"unsupported Unicode" in dead[b"error"]
    assert await redis.xlen(KEYS.outbox) == 0


async def test_one_bad_fact_among_many_costs_none_of_the_others(
    commands: QueueCommands, recorder: Recorder, redis: redis_async.Redis, pool: asyncpg.Pool
) -> None:
    specs = [a_spec(ticker=str(number)) for number in range(100)]
    await commands.enqueue(specs)
    for claimed in await claim(commands, want=100):
        if claimed.spec.ticker in ("13", "14", "77"):
            await complete(commands, claimed, result_json=b"[")
        else:
            await complete(commands, claimed, 1)
    await drain(recorder)
    counts = await pool.fetch("SELECT success, count(*) FROM scraper_results GROUP BY success ORDER BY success")
    assert [tuple(row) for row in counts] == [(False, 3), (True, 97)]
    assert await redis.xlen(KEYS.outbox_dead) == 3


async def test_an_entry_that_cannot_be_read_is_put_aside_and_fails_its_job(
    commands: QueueCommands, recorder: Recorder, redis: redis_async.Redis, pool: asyncpg.Pool
) -> None:
    spec = a_spec()
    await commands.enqueue([spec])
    [claimed] = await claim(commands)
    await complete(commands, claimed, 1)
    settled_id, fields = (await redis.xrange(KEYS.outbox))[-1]
    await redis.xdel(KEYS.outbox, settled_id)
    await redis.xadd(KEYS.outbox, {**fields, b"result": b"?what"})
    await redis.xadd(KEYS.outbox, {b"job": b"gossip"})
    await redis.xadd(KEYS.outbox, {b"nothing": b"known"})
    await drain(recorder)
    row = await one_row(pool, "scraper_results", spec.id)
    assert row["success"] is False
    assert "a result in the outbox starts with b'?'" in row["error"]
    assert await redis.xlen(KEYS.outbox_dead) == 3
    assert await redis.xlen(KEYS.outbox) == 0


async def test_a_job_accepted_under_another_database_is_recorded_from_its_document(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool, redis: redis_async.Redis
) -> None:
    spec = a_spec(priority=JobPriority.LOW, metadata={"who": "me"})
    await commands.enqueue([spec])
    await redis.delete(KEYS.outbox)
    [claimed] = await claim(commands)
    await complete(commands, claimed, 1)
    await drain(recorder)
    job = await one_row(pool, "jobs", spec.id)
    assert (job["status"], job["priority"], job["metadata"]) == ("completed", "low", {"who": "me"})
    assert await one_row(pool, "scraper_results", spec.id)


async def test_a_fact_about_a_job_that_nothing_describes_is_put_aside(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool, redis: redis_async.Redis
) -> None:
    spec, other = a_spec(), a_spec()
    await run_one(commands, spec, 1)
    await redis.delete(KEYS.outbox)
    await redis.xadd(KEYS.outbox, {"job": f"{spec.id} 1 9 cancelled low 1 0 0 0 -"})
    await redis.delete(KEYS.data(spec.id))
    await commands.enqueue([other])
    await drain(recorder)
    [(_, dead)] = await redis.xrange(KEYS.outbox_dead)
    assert b"no longer in Redis" in dead[b"error"]
    assert await one_row(pool, "jobs", other.id)


async def test_a_batch_is_bounded_in_entries(commands: QueueCommands, recorder: Recorder) -> None:
    await commands.enqueue([a_spec() for _ in range(BATCH_ENTRIES + 7)])
    assert await recorder.step() == BATCH_ENTRIES
    assert await recorder.step() == 7


async def test_a_batch_is_bounded_in_bytes_even_when_results_compress_well(
    commands: QueueCommands, redis: redis_async.Redis, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    for _ in range(5):
        await run_one(commands, a_spec(), "x" * 3_000_000)
    entries = await Outbox(redis, KEYS.prefix).read()
    results = [getattr(entry.fact, "result_json", None) or b"" for entry in entries]
    assert 0 < sum(map(len, results)) <= BATCH_BYTES
    assert await drain(recorder) == 10
    assert await pool.fetchval("SELECT count(*) FROM scraper_results") == 5


async def test_a_recorder_stands_by_while_another_holds_the_lock(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    await commands.enqueue([a_spec()])
    async with pool.acquire() as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock($1)", RECORDER_LOCK)
        assert await recorder.step() == 0
    assert await recorder.step() == 1


async def test_two_recorders_write_each_fact_once(
    commands: QueueCommands, redis: redis_async.Redis, pool: asyncpg.Pool, events: Callable[[], Any]
) -> None:
    specs = [a_spec() for _ in range(50)]
    async with running(Recorder(redis, pool)), running(Recorder(redis, pool)):
        for spec in specs:
            await run_one(commands, spec, 1)
        await until_recorded(redis)
    assert await pool.fetchval("SELECT count(*) FROM scraper_results") == 50
    published = [event["job_id"] for event in await events()]
    assert sorted(published) == sorted(spec.id for spec in specs)


async def test_a_running_recorder_notices_new_facts_by_itself(
    commands: QueueCommands, recorder: Recorder, redis: redis_async.Redis, pool: asyncpg.Pool
) -> None:
    spec = a_spec()
    async with running(recorder):
        await run_one(commands, spec, 1)
        await until_recorded(redis)
    assert await one_row(pool, "scraper_results", spec.id)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["publish", "forget"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_recorder_killed_after_its_commit_leaves_the_rest_to_the_next(
    commands: QueueCommands,
    recorder: Recorder,
    redis: redis_async.Redis,
    pool: asyncpg.Pool,
    events: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    when: str,
) -> None:
    specs = [a_spec() for _ in range(3)]
    for spec in specs:
        await run_one(commands, spec, 1)
    do = getattr(Outbox, step)

    async def die(outbox: Outbox, *arguments: object) -> None:
        if when == "after":
            await do(outbox, *arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, step, die)
        with pytest.raises(Killed):
            await recorder.step()
    await drain(Recorder(redis, pool))
    assert await pool.fetchval("SELECT count(*) FROM scraper_results") == 3
    assert await pool.fetchval("SELECT count(*) FROM job_attempts") == 3
    assert {event["job_id"] for event in await events()} == {spec.id for spec in specs}
    assert await redis.xlen(KEYS.outbox) == 0


async def test_redis_may_go_away_and_come_back(valkey_server: Valkey, pool: asyncpg.Pool) -> None:
    redis = open_redis(valkey_server.private_url)
    commands = QueueCommands(redis)
    async with running(Recorder(redis, pool)):
        await run_one(commands, a_spec(), 1)
        await until_recorded(redis)
        await asyncio.to_thread(valkey_server.kill)
        await asyncio.to_thread(valkey_server.start)
        await run_one(commands, a_spec(), 1)
        await until_recorded(redis)
    assert await pool.fetchval("SELECT count(*) FROM scraper_results") == 2
    await redis.aclose()


async def test_postgresql_may_be_away_at_start_and_later(
    commands: QueueCommands, redis: redis_async.Redis, postgres_server: Postgres
) -> None:
    database_url = postgres_server.private_url_of("postgres")
    await migrate(database_url)
    pool = await open_pool(database_url)
    recorder = Recorder(redis, pool)
    await asyncio.to_thread(postgres_server.stop)
    with pytest.raises(StoreUnavailable):
        await recorder.step()
    async with running(recorder):
        for _ in range(2):
            await run_one(commands, a_spec(), 1)
            assert await redis.xlen(KEYS.outbox) == 2
            await asyncio.to_thread(postgres_server.start)
            await until_recorded(redis)
            await asyncio.to_thread(postgres_server.kill)
    await asyncio.to_thread(postgres_server.start)
    assert await pool.fetchval("SELECT count(*) FROM scraper_results") == 2
    await pool.close()


async def test_a_job_whose_result_row_is_refused_in_any_form_still_ends_as_failed(
    commands: QueueCommands, recorder: Recorder, redis: redis_async.Redis, pool: asyncpg.Pool
) -> None:
    await pool.execute("ALTER TABLE scraper_results ADD CONSTRAINT no_petr4 CHECK (ticker <> 'PETR4')")
    spec = a_spec(ticker="PETR4")
    await run_one(commands, spec, {"secret": 1})
    await drain(recorder)
    row = await pool.fetchrow("SELECT status, error FROM jobs WHERE job_id = $1", spec.id)
    assert row is not None
    assert row["status"] == "failed"
    assert "no_petr4" in row["error"]
    assert "DETAIL" not in row["error"], "the refused row itself is nobody's business"
    assert await redis.xlen(KEYS.outbox) == 0
    assert await redis.xlen(KEYS.outbox_dead) == 1
