"""A firing that takes several scripts, interrupted between any two of them: its jobs are all made, or none is."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis.asyncio as redis_asyncio
from tests.scheduling import START, TICKERS, Killed, MortalScripts, facts, file_of, minutely, outcomes, retries_of

from pregao.domain.clock import ManualClock, to_ms
from pregao.domain.job import JobPriority
from pregao.domain.schedule import CatchUp, Every, occurrence_job_id
from pregao.queue.arguments import BATCH_LIMIT
from pregao.queue.commands import QueueCommands
from pregao.queue.keys import Keys
from pregao.scheduler.dispatcher import Dispatcher
from pregao.scheduler.loader import ScheduleFile
from pregao.scheduler.occurrence import handle

FIVE = tuple(f"TICK{number}" for number in range(5))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def commands(redis: redis_asyncio.Redis, clock: ManualClock) -> QueueCommands:
    return QueueCommands(redis, now_ms=lambda: to_ms(clock.now()))


def in_calls_of_two(redis: redis_asyncio.Redis, clock: ManualClock) -> QueueCommands:
    return QueueCommands(redis, now_ms=lambda: to_ms(clock.now()), jobs_per_firing_call=2)


async def die_while_firing(
    redis: redis_asyncio.Redis, clock: ManualClock, file: ScheduleFile, calls: int, *, after: bool
) -> None:
    """A scheduler that sees the file, then dies at the `calls`-th script of the occurrence that is due."""
    commands = in_calls_of_two(redis, clock)
    victim = Dispatcher(clock, retries_of)
    await victim.step(commands, file)
    mortal: Any = MortalScripts(commands.firings._scripts, calls, after=after)
    commands.firings._scripts = mortal
    clock.advance(timedelta(minutes=1))
    with pytest.raises(Killed):
        await victim.step(commands, file)


def changed(change: str) -> ScheduleFile:
    """The file as the heir finds it."""
    match change:
        case "removed":
            return file_of()
        case "disabled":
            return file_of(minutely(tickers=FIVE, catch_up=CatchUp.NONE, enabled=False))
        case "other tickers":
            return file_of(minutely(tickers=TICKERS, catch_up=CatchUp.NONE))
        case "other rule":
            return file_of(msgspec.structs.replace(minutely(tickers=FIVE), rule=Every(86_400)))
        case "without its scraper":
            return file_of(minutely(tickers=FIVE), without_scraper=True)
        case _:
            return file_of(minutely(tickers=FIVE, catch_up=CatchUp.NONE))


@pytest.mark.parametrize(
    "change", ["nothing", "removed", "disabled", "other tickers", "other rule", "without its scraper"]
)
@pytest.mark.parametrize(("calls", "after"), [(1, True), (2, False), (2, True), (3, False), (3, True)])
async def test_an_occurrence_that_was_begun_is_finished_however_late_and_whatever_became_of_its_schedule(
    redis: redis_asyncio.Redis, clock: ManualClock, change: str, calls: int, after: bool
) -> None:
    await die_while_firing(redis, clock, file_of(minutely(tickers=FIVE)), calls, after=after)
    clock.advance(timedelta(days=1))
    await Dispatcher(clock, retries_of).step(in_calls_of_two(redis, clock), changed(change))
    firings, jobs = await facts(redis)
    begun = next(firing for firing in firings if firing.fire_time == START + timedelta(seconds=30))
    assert (begun.outcome, begun.tickers) == ("late", list(FIVE))
    assert begun.job_ids == [occurrence_job_id("news", begun.fire_time, ticker) for ticker in FIVE]
    assert Counter(job.job_id for job in jobs) == Counter(job for firing in firings for job in firing.job_ids)


async def test_an_occurrence_that_was_not_begun_is_decided_about_as_ever(
    redis: redis_asyncio.Redis, clock: ManualClock
) -> None:
    file = file_of(minutely(tickers=FIVE, catch_up=CatchUp.NONE))
    await die_while_firing(redis, clock, file, 1, after=False)
    clock.advance(timedelta(minutes=10))
    await Dispatcher(clock, retries_of).step(in_calls_of_two(redis, clock), file)
    firings, jobs = await facts(redis)
    assert firings[0].outcome == "missed"
    assert Counter(job.job_id for job in jobs) == Counter(job for firing in firings for job in firing.job_ids)


async def test_schedulers_that_finish_the_same_occurrence_at_once_make_each_job_once(
    redis: redis_asyncio.Redis, clock: ManualClock
) -> None:
    file = file_of(minutely(tickers=FIVE))
    await die_while_firing(redis, clock, file, 1, after=True)
    heirs = [Dispatcher(clock, retries_of) for _ in range(5)]
    await asyncio.gather(*(heir.step(in_calls_of_two(redis, clock), file) for heir in heirs))
    (firing,), jobs = await facts(redis)
    assert sorted(job.job_id for job in jobs) == sorted(firing.job_ids)
    assert await redis.exists(Keys().started, Keys().made) == 0


async def test_a_firing_of_thousands_of_jobs_is_finished_after_its_first_call(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    file = file_of(minutely(tickers=tuple(f"T{number}" for number in range(2_500))))
    victim = Dispatcher(clock, retries_of)
    await victim.step(commands, file)
    scripts = commands.firings._scripts
    mortal: Any = MortalScripts(scripts, 2, after=False)
    commands.firings._scripts = mortal
    clock.advance(timedelta(seconds=30))
    with pytest.raises(Killed):
        await victim.step(commands, file)
    assert await redis.llen(Keys().ready(JobPriority.NORMAL)) == BATCH_LIMIT
    commands.firings._scripts = scripts
    clock.advance(timedelta(hours=1))
    await Dispatcher(clock, retries_of).step(commands, file_of())
    (firing,), jobs = await facts(redis)
    assert len(firing.job_ids) == len(jobs) == await redis.llen(Keys().ready(JobPriority.NORMAL)) == 2_500


async def test_a_plan_that_cannot_be_read_holds_up_nothing(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    await redis.hset(Keys().started, mapping={"odd": "{", "odder": b"\xff"})  # type: ignore[misc]
    await redis.hset(Keys().made, mapping={"odd": 1000, "odder": 1000})  # type: ignore[misc]
    dispatcher = Dispatcher(clock, retries_of)
    await dispatcher.step(commands, file_of(minutely()))
    clock.advance(timedelta(seconds=30))
    await dispatcher.step(commands, file_of(minutely()))
    assert await outcomes(redis) == [("12:01", "fired")]


async def test_a_call_that_is_repeated_late_makes_no_job_that_has_come_and_gone(
    redis: redis_asyncio.Redis, clock: ManualClock
) -> None:
    queue = in_calls_of_two(redis, clock)
    occurrence = handle(minutely(tickers=FIVE), "Valor Econômico", START, START, 3)
    _, begun = await queue.firings.begin(occurrence.firing, occurrence.specs)
    assert begun is not None
    rest = await queue.firings.resume(begun)
    for spec in occurrence.specs:
        await redis.delete(Keys().meta(spec.id), Keys().data(spec.id), Keys().status(spec.id))
    assert await queue.firings.resume(begun) == rest
    assert len((await facts(redis))[1]) == 4
