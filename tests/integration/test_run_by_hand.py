"""A schedule run by hand: its jobs at once, its mark where it was, and a record of its own."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.scheduling import START, TICKERS, Killed, MortalScripts, facts, file_of, minutely, outcomes, retries_of

from pregao.domain.clock import ManualClock, from_ms, to_ms
from pregao.domain.job import JobPriority
from pregao.domain.schedule import Schedule, run_job_id
from pregao.queue.arguments import BATCH_LIMIT
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import Firing
from pregao.queue.keys import Keys
from pregao.recovery import reconcile
from pregao.scheduler.dispatcher import Dispatcher
from pregao.scheduler.occurrence import Occurrence, by_hand
from pregao.store.migrations import migrate, shipped
from pregao.store.recorder import Recorder

RUN = str(uuid.UUID(int=7))
DAY_SECONDS = 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def commands(redis: redis_asyncio.Redis, clock: ManualClock) -> QueueCommands:
    return QueueCommands(redis, now_ms=lambda: to_ms(clock.now()))


def the_run(schedule: Schedule, clock: ManualClock, run_id: str = RUN, by: str | None = "ana") -> Occurrence:
    return by_hand(schedule, "Valor Econômico", clock.now(), 3, run_id=run_id, requested_by=by)


async def run(commands: QueueCommands, wanted: Occurrence) -> tuple[Firing, bool]:
    assert wanted.firing.run_id is not None
    return await commands.run(wanted.firing.run_id, wanted.firing, wanted.specs)


async def record(redis: redis_asyncio.Redis, pool: asyncpg.Pool) -> None:
    while await Recorder(redis, pool).step():
        pass


async def test_a_run_makes_one_job_for_each_ticker_and_says_who_asked(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    firing, new = await run(commands, the_run(minutely(priority=JobPriority.HIGH), clock))
    assert new
    assert (firing.outcome, firing.fire_time, firing.requested_by, firing.run_id) == ("manual", START, "ana", RUN)
    recorded, jobs = await facts(redis)
    assert recorded == [firing]
    assert [job.job_id for job in jobs] == firing.job_ids == [run_job_id(RUN, ticker) for ticker in TICKERS]
    specs = [job.spec for job in jobs if job.spec]
    assert {(spec.schedule_name, spec.fire_time, spec.scraper_name) for spec in specs} == {
        ("news", START, "Valor Econômico")
    }
    assert await redis.llen(Keys().ready(JobPriority.HIGH)) == 2


async def test_a_run_leaves_the_next_firing_where_it_is(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    dispatcher, file = Dispatcher(clock, retries_of), file_of(minutely())
    await dispatcher.step(commands, file)
    before = await commands.fired_marks()
    clock.advance(timedelta(seconds=45))
    await run(commands, the_run(minutely(), clock))
    assert await commands.fired_marks() == before
    await dispatcher.step(commands, file)
    assert await outcomes(redis) == [("12:01", "manual"), ("12:01", "late")]


async def test_a_schedule_that_no_scheduler_has_seen_is_run_without_beginning_it(
    commands: QueueCommands, clock: ManualClock
) -> None:
    await run(commands, the_run(minutely(), clock))
    assert await commands.fired_marks() == {}


async def test_a_run_that_is_repeated_answers_the_first_and_makes_nothing(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    first, _ = await run(commands, the_run(minutely(), clock))
    clock.advance(timedelta(hours=1))
    again, new = await run(commands, the_run(minutely(tickers=("ITUB4",)), clock, by="bob"))
    assert (again, new) == (first, False)
    assert await commands.repeat_run(RUN) == first
    recorded, jobs = await facts(redis)
    assert (len(recorded), len(jobs)) == (1, 2)
    assert 0 < await redis.ttl(Keys().run(RUN)) <= DAY_SECONDS


async def test_a_run_asked_for_many_times_at_once_is_one_run(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    answers = await asyncio.gather(*(run(commands, the_run(minutely(), clock)) for _ in range(10)))
    assert sum(new for _, new in answers) == 1
    recorded, jobs = await facts(redis)
    assert (len(recorded), len(jobs)) == (1, 2)


async def test_two_runs_and_an_occurrence_at_one_instant_are_all_recorded(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock, pool: asyncpg.Pool
) -> None:
    dispatcher, file = Dispatcher(clock, retries_of), file_of(minutely())
    await dispatcher.step(commands, file)
    clock.advance(timedelta(seconds=30))
    await dispatcher.step(commands, file)
    for number in (1, 2):
        await run(commands, the_run(minutely(), clock, run_id=str(uuid.UUID(int=number)), by=None))
    await record(redis, pool)
    rows = await pool.fetch("SELECT outcome, run_id, requested_by, job_ids FROM schedule_executions ORDER BY id")
    assert [(row["outcome"], row["run_id"] and row["run_id"].int, row["requested_by"]) for row in rows] == [
        ("fired", None, None),
        ("manual", 1, None),
        ("manual", 2, None),
    ]
    assert await pool.fetchval("SELECT count(*) FROM jobs") == len({job for row in rows for job in row["job_ids"]}) == 6


async def test_a_run_that_is_recorded_twice_is_one_row(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock, pool: asyncpg.Pool
) -> None:
    await run(commands, the_run(minutely(), clock))
    (entry,) = [fields for _, fields in await redis.xrange(Keys().outbox) if b"firing" in fields]
    await redis.xadd(Keys().outbox, entry)  # type: ignore[arg-type]
    await record(redis, pool)
    row = await pool.fetchrow("SELECT * FROM schedule_executions")
    assert (row["schedule_name"], row["scraper_name"], row["tickers"]) == ("news", "Valor Econômico", list(TICKERS))
    assert (row["outcome"], row["fire_time"], row["executed_at"]) == ("manual", START, START)
    assert (str(row["run_id"]), row["requested_by"]) == (RUN, "ana")


async def test_after_a_flush_the_mark_that_comes_back_is_that_of_the_rule(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock, pool: asyncpg.Pool
) -> None:
    await reconcile(commands, pool)
    dispatcher, file = Dispatcher(clock, retries_of), file_of(minutely())
    await dispatcher.step(commands, file)
    clock.advance(timedelta(seconds=30))
    await dispatcher.step(commands, file)
    fired = await commands.fired_marks()
    clock.advance(timedelta(seconds=50))
    await run(commands, the_run(minutely(), clock))
    await record(redis, pool)
    await redis.flushall()
    await reconcile(commands, pool)
    assert await commands.fired_marks() == fired == {"news": START + timedelta(seconds=30)}


async def die_while_running(commands: QueueCommands, wanted: Occurrence) -> None:
    """The caller is gone before its second script."""
    scripts = commands.firings._scripts
    mortal: Any = MortalScripts(scripts, 2, after=False)
    commands.firings._scripts = mortal
    with pytest.raises(Killed):
        await run(commands, wanted)
    commands.firings._scripts = scripts


async def test_a_run_of_thousands_of_jobs_that_was_interrupted_is_completed_by_its_repetition(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    wanted = the_run(minutely(tickers=tuple(f"T{number}" for number in range(2_345))), clock)
    await die_while_running(commands, wanted)
    assert await redis.llen(Keys().ready(JobPriority.NORMAL)) == BATCH_LIMIT
    assert await commands.repeat_run(RUN) == wanted.firing
    recorded, jobs = await facts(redis)
    assert recorded == [wanted.firing]
    assert sorted(job.job_id for job in jobs) == sorted(wanted.firing.job_ids)
    assert len(jobs) == 2_345


async def test_a_run_that_was_interrupted_is_completed_by_any_scheduler(
    redis: redis_asyncio.Redis, clock: ManualClock
) -> None:
    commands = QueueCommands(redis, now_ms=lambda: to_ms(clock.now()), jobs_per_firing_call=2)
    wanted = the_run(minutely(tickers=tuple(f"T{number}" for number in range(5))), clock)
    await die_while_running(commands, wanted)
    clock.advance(timedelta(days=2))
    await Dispatcher(clock, retries_of).step(commands, file_of())
    recorded, jobs = await facts(redis)
    assert (recorded, [job.job_id for job in jobs]) == ([wanted.firing], wanted.firing.job_ids)


def test_the_jobs_of_two_runs_differ_and_those_of_one_do_not() -> None:
    other = str(uuid.UUID(int=8))
    ids = {run_job_id(run_id, ticker) for run_id in (RUN, other) for ticker in ("PETR4", "petr4", "", None, "null")}
    assert len(ids) == 10
    assert run_job_id(RUN, "PETR4") == run_job_id(RUN, "PETR4")


async def test_executions_that_are_recorded_already_keep_their_rows_when_runs_by_hand_come(
    empty_database_url: str,
) -> None:
    before = [migration for migration in shipped() if migration.name < "0003"]
    await migrate(empty_database_url, before)
    connection = await asyncpg.connect(empty_database_url)
    try:
        insert = (
            "INSERT INTO schedule_executions "
            "(schedule_name, fire_time, scraper_name, tickers, job_ids, outcome, executed_at) "
            "VALUES ($1, $2, 'B3', '[]', '[]', 'fired', now())"
        )
        for name in ("a", "b"):
            await connection.execute(insert, name, from_ms(0))
        assert "0003_manual_firings" in await migrate(empty_database_url)
        assert await connection.fetchval("SELECT count(DISTINCT id) FROM schedule_executions") == 2
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(insert, "a", from_ms(0))
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(insert.replace("'fired'", "'manual'"), "c", from_ms(0))
    finally:
        await connection.close()
