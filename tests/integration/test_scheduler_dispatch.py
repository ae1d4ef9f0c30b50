"""Each occurrence is handled once: with many schedulers, after downtime, and killed between any two steps."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio as redis_asyncio
from tests.scheduling import START, TICKERS, Killed, facts, file_of, minutely, outcomes, retries_of

from pregao.domain.clock import ManualClock, to_ms
from pregao.domain.errors import GenerationMissing
from pregao.domain.schedule import CatchUp, Every, Schedule, occurrence_job_id
from pregao.queue.commands import QueueCommands
from pregao.scheduler.dispatcher import OVERDUE_LIMIT, Dispatcher
from pregao.scheduler.loader import ScheduleFile


class Mortal:
    """Commands of a scheduler that dies before or after its n-th call, as a SIGKILL would have it."""

    def __init__(self, commands: QueueCommands, calls: int, *, after: bool) -> None:
        self._commands, self._left, self._after = commands, calls, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._commands, name)

        async def call(*arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            answer = await method(*arguments)
            if self._left == 0:
                raise Killed
            return answer

        return call


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def commands(redis: redis_asyncio.Redis, clock: ManualClock) -> QueueCommands:
    return QueueCommands(redis, now_ms=lambda: to_ms(clock.now()))


async def finish(dispatcher: Dispatcher, commands: QueueCommands, file: ScheduleFile, clock: ManualClock) -> None:
    while await dispatcher.step(commands, file) <= clock.now():
        pass


async def test_a_new_schedule_starts_from_now(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    dispatcher = Dispatcher(clock, retries_of)
    wake = await dispatcher.step(commands, file_of(minutely()))
    assert await outcomes(redis) == []
    assert wake == START + timedelta(seconds=30)


async def test_an_occurrence_makes_one_job_for_each_ticker(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    dispatcher = Dispatcher(clock, retries_of)
    await dispatcher.step(commands, file_of(minutely()))
    clock.advance(timedelta(seconds=31))
    await dispatcher.step(commands, file_of(minutely()))
    (firing,), jobs = await facts(redis)
    fire_time = START + timedelta(seconds=30)
    assert (firing.outcome, firing.fire_time, firing.scraper_name) == ("fired", fire_time, "Valor Econômico")
    assert firing.job_ids == [occurrence_job_id("news", fire_time, ticker) for ticker in TICKERS]
    assert firing.job_ids == [job.job_id for job in jobs]


async def test_a_schedule_without_tickers_makes_one_job(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    dispatcher, file = Dispatcher(clock, retries_of), file_of(minutely(tickers=(None,)))
    await dispatcher.step(commands, file)
    clock.advance(timedelta(minutes=1))
    await dispatcher.step(commands, file)
    (job,) = (await facts(redis))[1]
    assert job.spec is not None
    assert job.spec.ticker is None


async def test_many_schedulers_fire_each_occurrence_once(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    file = file_of(minutely("a"), minutely("b"))
    dispatchers = [Dispatcher(clock, retries_of) for _ in range(8)]
    for _ in range(5):
        await asyncio.gather(*(dispatcher.step(commands, file) for dispatcher in dispatchers))
        clock.advance(timedelta(minutes=1))
    await asyncio.gather(*(dispatcher.step(commands, file) for dispatcher in dispatchers))
    firings, jobs = await facts(redis)
    assert len(firings) == 10
    assert len({(firing.schedule_name, firing.fire_time) for firing in firings}) == 10
    assert Counter(job.job_id for job in jobs) == Counter(job for firing in firings for job in firing.job_ids)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("calls", range(1, 12))
async def test_a_scheduler_killed_between_any_two_steps_loses_and_repeats_nothing(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock, calls: int, after: bool
) -> None:
    file = file_of(minutely("a", catch_up=CatchUp.ALL), minutely("b", catch_up=CatchUp.ALL))
    mortal: Any = Mortal(commands, calls, after=after)
    victim, heir = Dispatcher(clock, retries_of), Dispatcher(clock, retries_of)
    try:
        await victim.step(mortal, file)
        clock.advance(timedelta(minutes=3))
        await victim.step(mortal, file)
    except Killed:
        clock.advance(timedelta(minutes=3) - (clock.now() - START))
    began = await commands.fired_marks() != {}
    await heir.step(commands, file)
    firings, jobs = await facts(redis)
    # Killed before it began, nobody has seen the schedules before: there is nothing to make good.
    assert len(firings) == (6 if began else 0)
    assert len({(firing.schedule_name, firing.fire_time) for firing in firings}) == len(firings)
    assert Counter(job.job_id for job in jobs) == Counter(job for firing in firings for job in firing.job_ids)


async def test_within_the_grace_each_overdue_occurrence_fires_late(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    file = file_of(minutely())
    await Dispatcher(clock, retries_of).step(commands, file)
    clock.advance(timedelta(minutes=3))
    await Dispatcher(clock, retries_of).step(commands, file)
    assert await outcomes(redis) == [("12:01", "late"), ("12:02", "late"), ("12:03", "late")]


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        (CatchUp.NONE, ["missed", "missed", "missed", "late"]),
        (CatchUp.LATEST, ["coalesced", "coalesced", "coalesced", "late"]),
        (CatchUp.ALL, ["late", "late", "late", "late"]),
    ],
)
async def test_after_a_longer_downtime_the_policy_decides(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock, catch_up: CatchUp, expected: list[str]
) -> None:
    file = file_of(minutely(catch_up=catch_up, misfire_grace_seconds=60))
    await Dispatcher(clock, retries_of).step(commands, file)
    clock.advance(timedelta(minutes=4))
    await Dispatcher(clock, retries_of).step(commands, file)
    assert [outcome for _, outcome in await outcomes(redis)] == expected
    ran = [outcome for outcome in expected if outcome == "late"]
    assert len((await facts(redis))[1]) == len(ran) * len(TICKERS)


async def test_a_long_downtime_is_handled_in_portions_that_let_others_in_between(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    file = file_of(minutely("a"), minutely("b"))
    dispatcher = Dispatcher(clock, retries_of)
    await dispatcher.step(commands, file)
    clock.advance(timedelta(minutes=1000))
    assert await dispatcher.step(commands, file) <= clock.now()
    assert Counter(firing.schedule_name for firing in (await facts(redis))[0]) == {
        "a": OVERDUE_LIMIT,
        "b": OVERDUE_LIMIT,
    }
    await finish(dispatcher, commands, file, clock)
    by_outcome = Counter(firing.outcome for firing in (await facts(redis))[0])
    assert by_outcome == {"coalesced": 1990, "late": 10}


async def test_a_disabled_schedule_does_not_fire_and_is_not_caught_up_when_it_is_enabled(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    dispatcher = Dispatcher(clock, retries_of)
    await dispatcher.step(commands, file_of(minutely(enabled=False)))
    clock.advance(timedelta(hours=2))
    await dispatcher.step(commands, file_of(minutely(enabled=False)))
    await dispatcher.step(commands, file_of(minutely()))
    assert await outcomes(redis) == []
    clock.advance(timedelta(seconds=30))
    await dispatcher.step(commands, file_of(minutely()))
    assert await outcomes(redis) == [("14:01", "fired")]


async def test_a_schedule_without_a_scraper_does_not_fire(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    dispatcher = Dispatcher(clock, retries_of)
    for _ in range(3):
        await dispatcher.step(commands, file_of(minutely(), without_scraper=True))
        clock.advance(timedelta(minutes=1))
    assert await facts(redis) == ([], [])


async def test_a_changed_rule_counts_from_the_change(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    dispatcher = Dispatcher(clock, retries_of)
    await dispatcher.step(commands, file_of(Schedule(name="news", scraper="Valor", rule=Every(86_400))))
    clock.advance(timedelta(minutes=3))
    await dispatcher.step(commands, file_of(minutely()))
    assert await outcomes(redis) == []
    clock.advance(timedelta(minutes=1))
    await dispatcher.step(commands, file_of(minutely()))
    assert [outcome for _, outcome in await outcomes(redis)] == ["late"]


@pytest.mark.parametrize("wrong_by", [timedelta(hours=1), timedelta(seconds=10), timedelta(hours=-1)])
async def test_the_servers_clock_decides_however_wrong_this_hosts_is(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock, wrong_by: timedelta
) -> None:
    here = ManualClock(clock.now() + wrong_by)
    dispatcher, file = Dispatcher(here, retries_of), file_of(minutely())
    wake = await dispatcher.step(commands, file)
    assert wake - here.now() <= timedelta(seconds=30), "sleeping is by this host's clock"
    for _ in range(2):
        clock.advance(timedelta(seconds=30))
        here.advance(timedelta(seconds=30))
        await dispatcher.step(commands, file)
    assert await outcomes(redis) == [("12:01", "fired")]


async def test_a_schedule_whose_jobs_are_refused_is_skipped_and_holds_up_no_other(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    bad, good = minutely("bad", metadata={"value": float("nan")}), minutely("good")
    dispatcher, file = Dispatcher(clock, retries_of), file_of(bad, good)
    await dispatcher.step(commands, file)
    clock.advance(timedelta(seconds=30))
    await dispatcher.step(commands, file)
    firings, jobs = await facts(redis)
    assert {firing.schedule_name: firing.outcome for firing in firings} == {"bad": "skipped", "good": "fired"}
    assert "metadata" in next(str(firing.detail) for firing in firings if firing.schedule_name == "bad")
    assert {job.spec.schedule_name for job in jobs if job.spec} == {"good"}


async def test_an_emptied_redis_is_not_taken_for_a_first_start(
    redis: redis_asyncio.Redis, commands: QueueCommands, clock: ManualClock
) -> None:
    await redis.flushall()
    with pytest.raises(GenerationMissing):
        await Dispatcher(clock, retries_of).step(commands, file_of(minutely()))
    assert await commands.fired_marks() == {}
