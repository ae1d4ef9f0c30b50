"""The claimer alone on a real server: waits that are called back, and what became of their claims."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec

from pregao.domain.clock import SystemClock
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Claim, Settlement
from pregao.scrapers.entry import Entry
from pregao.scrapers.registry import Registry
from pregao.worker.browsers import BrowserBudget
from pregao.worker.claimer import Claimer
from pregao.worker.slots import Slots

LEASE_MS = 15_000
AT_ONCE_SECONDS = 5.0
"""Half of what a waiting claim waits when nothing calls it back."""


def make() -> Any:
    raise AssertionError("nothing is run here")


PAGE = Entry(name="Page", source="", module="own.page_scraper", class_name="Page", make=make, transport="browser")


class Side:
    """A worker's side of claiming, without anything that runs the jobs."""

    def __init__(self, url: str, queue: QueueCommands, *, slots: int = 1000, browsers: int = 1) -> None:
        self.claims: list[Claim] = []
        self.slots = Slots(slots)
        self.browsers = BrowserBudget(Registry([PAGE], []), browsers)
        self.claimer = Claimer(
            url,
            queue,
            "w",
            slots=self.slots,
            browsers=self.browsers,
            lease_ms=LEASE_MS,
            clock=SystemClock(),
            ensure_generation=self._nothing_to_rebuild,
            on_claim=self._take,
            on_unreadable=self._refuse,
        )

    async def _nothing_to_rebuild(self) -> None:
        raise AssertionError("the server keeps its marker")

    def _take(self, claim: Claim, _: float) -> None:
        self.claims.append(claim)
        self.slots.take(claim, browser=self.browsers.take(claim.spec.scraper_name))

    def _refuse(self, job_id: str, _: str, problem: str) -> None:
        raise AssertionError(f"{job_id}: {problem}")

    @property
    def tickers(self) -> list[str | None]:
        return [claim.spec.ticker for claim in self.claims]

    async def until_taken(self, *tickers: str, seconds: float = 20.0) -> None:
        async def seen() -> list[str | None]:
            return self.tickers

        await eventually(seen, lambda now: now == list(tickers), seconds=seconds, what=f"{tickers} being taken")


@pytest.fixture
def queue(redis: redis_asyncio.Redis) -> QueueCommands:
    return QueueCommands(redis)


@asynccontextmanager
async def claiming(side: Side) -> AsyncIterator[Side]:
    async with asyncio.TaskGroup() as group:
        group.create_task(side.claimer.run())
        try:
            yield side
        finally:
            side.claimer.quiet()


async def is_waiting(redis: redis_asyncio.Redis) -> bool:
    return int((await redis.info("clients"))["blocked_clients"]) == 1


async def test_a_browser_that_comes_free_calls_the_waiting_claim_back(
    queue: QueueCommands, redis: redis_asyncio.Redis, redis_url: str
) -> None:
    """Nobody settles or ticks here, so that no token wakes it."""
    async with claiming(Side(redis_url, queue)) as side:
        await queue.enqueue([spec("Page", "T0"), spec("Page", "T1")])
        await side.until_taken("T0")
        await eventually(lambda: redis.llen("scraper:wake_others"))  # type: ignore[arg-type]
        await eventually(lambda: is_waiting(redis))
        side.browsers.give_back()
        side.claimer.review()
        await side.until_taken("T0", "T1", seconds=AT_ONCE_SECONDS)


async def test_a_review_that_changes_nothing_leaves_the_wait_alone(
    queue: QueueCommands, redis: redis_asyncio.Redis, redis_url: str
) -> None:
    async with claiming(Side(redis_url, queue, browsers=2)) as side:
        await eventually(lambda: is_waiting(redis))
        connections = int((await redis.info("stats"))["total_connections_received"])
        side.claimer.review()
        await queue.enqueue([spec("Page", "T0")])
        await side.until_taken("T0")
        await eventually(lambda: is_waiting(redis))
        assert int((await redis.info("stats"))["total_connections_received"]) == connections


async def test_nothing_is_lost_or_taken_twice_when_waits_are_called_back_as_jobs_come(
    queue: QueueCommands, redis: redis_asyncio.Redis, redis_url: str
) -> None:
    """The abort meets the claim at every stage: before it is sent, while it waits, as it is answered, afterwards."""
    side = Side(redis_url, queue)
    jobs = [spec("Echo", f"T{number}") for number in range(300)]
    async with claiming(side):
        for number, job in enumerate(jobs):
            if number % 3 == 0:
                await eventually(lambda: is_waiting(redis))
            async with asyncio.TaskGroup() as group:
                group.create_task(queue.enqueue([job]))
                for _ in range(number % 11):
                    await asyncio.sleep(0)
                assert side.claimer._woken is not None
                side.claimer._woken.abort()
        await eventually(lambda: asyncio.sleep(0, len(side.claims)), lambda count: count >= len(jobs))
        await eventually(lambda: is_waiting(redis))
    assert Counter(claim.job_id for claim in side.claims) == Counter(job.id for job in jobs)
    assert side.slots.used == await redis.zcard("scraper:running") == len(jobs)
    settled = await queue.settle(
        [Settlement(claim=one, completed=True, report=AttemptReport(), result_json=b"1") for one in side.claims]
    )
    assert {answer.code for answer in settled} == {"ok"}, "every lease is one that is held"


async def test_jobs_of_a_claim_that_was_called_back_too_late_are_run_although_it_holds(
    queue: QueueCommands, redis: redis_asyncio.Redis, redis_url: str
) -> None:
    side = Side(redis_url, queue)
    async with claiming(side):
        await queue.control("pause:priority:normal", "0|{}", "test")
        await queue.enqueue([spec("Echo", "T0")])
        await eventually(lambda: redis.llen("scraper:wake"), lambda count: count == 0)  # type: ignore[arg-type]
        await eventually(lambda: is_waiting(redis))
        await redis.hdel("scraper:control", "pause:priority:normal")  # type: ignore[misc]
        # What the server does for the waiting claim when a token comes a moment before the connection is closed.
        made = await queue.claim("w", want=5, lease_ms=LEASE_MS, sequence=side.claimer._sequence)
        assert [claim.spec.ticker for claim in made.claims] == ["T0"]
        side.claimer.hold(held=True)
        await side.until_taken("T0")
        await queue.enqueue([spec("Echo", "T1")])
        assert await redis.llen("scraper:wake") == 1  # type: ignore[misc]
        side.claimer.hold(held=False)
        await side.until_taken("T0", "T1")


async def test_a_claimer_that_is_quieted_while_it_holds_ends(
    queue: QueueCommands, redis: redis_asyncio.Redis, redis_url: str
) -> None:
    side = Side(redis_url, queue)
    side.claimer.hold(held=True)
    await queue.enqueue([spec("Echo", "T0")])
    async with claiming(side):
        await asyncio.sleep(0)
    await side.claimer.done()
    assert side.claims == []
