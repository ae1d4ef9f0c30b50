"""Claims that may take few jobs of some scrapers, or jobs that do not fit: what is left, and who is woken for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec

from pregao.domain.job import JobPriority
from pregao.queue.commands import QueueCommands
from pregao.queue.messages import Claims, Ration
from pregao.queue.views import QueueViews
from pregao.queue.woken import WaitAborted, WokenClaims

LEASE_MS = 15_000


@pytest.fixture
async def woken(redis_url: str, queue: QueueCommands) -> AsyncIterator[WokenClaims]:
    claims = WokenClaims(redis_url, queue)
    yield claims
    await claims.aclose()


def taken(claims: Claims) -> list[str | None]:
    return [claim.spec.ticker for claim in claims.claims]


async def tokens(redis: redis_asyncio.Redis) -> tuple[int, int]:
    return await redis.llen("scraper:wake"), await redis.llen("scraper:wake_others")  # type: ignore[misc]


async def blocked(redis: redis_asyncio.Redis) -> int:
    return int((await redis.info("clients"))["blocked_clients"])


async def test_no_more_jobs_of_rationed_scrapers_are_taken_than_are_left_together(
    queue: QueueCommands, views: QueueViews
) -> None:
    names = ["Page", "Site", "Page", "Plain", "Site", "Plain"]
    await queue.enqueue([spec(name, f"T{number}") for number, name in enumerate(names)])
    claims = await queue.claim("w", want=10, lease_ms=LEASE_MS, sequence=1, ration=Ration("page,site", 2))
    assert taken(claims) == ["T0", "T1", "T3", "T5"]
    parked = {name: by_priority[JobPriority.NORMAL] for name, by_priority in (await views.parked()).items()}
    assert parked == {"page": 1, "site": 1}


async def test_with_nothing_left_all_of_them_are_parked_and_taken_in_order_when_something_is(
    queue: QueueCommands,
) -> None:
    await queue.enqueue([spec("Page", f"T{number}") for number in range(3)])
    none = await queue.claim("w", want=10, lease_ms=LEASE_MS, sequence=1, ration=Ration("page", 0))
    two = await queue.claim("w", want=10, lease_ms=LEASE_MS, sequence=2, ration=Ration("page", 2))
    assert (taken(none), taken(two)) == ([], ["T0", "T1"])


async def test_what_one_worker_leaves_wakes_only_those_that_may_take_it(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    await queue.enqueue([spec("Page", "T0")])
    await redis.delete("scraper:wake")
    await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1, ration=Ration("page", 0))
    assert await tokens(redis) == (0, 1)
    await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=2, ration=Ration("page", 0))
    assert await tokens(redis) == (0, 1), "one token is enough"


async def test_a_ration_that_is_used_up_by_the_claim_itself_wakes_others_for_the_rest(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    await queue.enqueue([spec("Page", "T0"), spec("Page", "T1")])
    await redis.delete("scraper:wake")
    await queue.claim("w", want=5, lease_ms=LEASE_MS, sequence=1, ration=Ration("page", 1))
    assert await tokens(redis) == (0, 1)


async def test_nobody_is_woken_for_what_something_else_holds_back(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    await queue.control("cap:scraper:page", "0", "test")
    await queue.enqueue([spec("Page", "T0")])
    await redis.delete("scraper:wake")
    await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1, ration=Ration("page", 0))
    assert await tokens(redis) == (0, 0)


async def test_a_waiting_worker_with_nothing_left_lets_another_have_the_job(
    queue: QueueCommands, woken: WokenClaims, redis: redis_asyncio.Redis, redis_url: str
) -> None:
    """The first one waits for longer, so that the token of the new job goes to it."""
    other = WokenClaims(redis_url, queue)
    async with asyncio.TaskGroup() as group:
        full = group.create_task(woken.claim("full", want=1, lease_ms=LEASE_MS, sequence=1, ration=Ration("page", 0)))
        await eventually(lambda: blocked(redis), lambda count: count == 1)
        free = group.create_task(other.claim("free", want=1, lease_ms=LEASE_MS, sequence=1, ration=Ration("page", 1)))
        await eventually(lambda: blocked(redis), lambda count: count == 2)
        await queue.enqueue([spec("Page", "T0")])
    await other.aclose()
    assert (taken(full.result()), taken(free.result())) == ([], ["T0"])


async def test_a_claim_behind_a_dead_wait_passes_the_token_on(queue: QueueCommands, redis: redis_asyncio.Redis) -> None:
    """The wait took the token; its claim finds that its number was used up."""
    await queue.claim("w", want=0, lease_ms=LEASE_MS, sequence=1)
    await queue.enqueue([spec("Page", "T0")])
    await redis.delete("scraper:wake")
    late = await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    assert taken(late) == []
    assert await tokens(redis) == (1, 0)


async def test_the_next_job_that_does_not_fit_is_put_back_and_others_are_woken(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    await queue.control("weight:scraper:big", "3", "test")
    await queue.enqueue([spec("Plain", "T0"), spec("Big", "T1"), spec("Plain", "T2")])
    first = await queue.claim("w", want=3, lease_ms=LEASE_MS, sequence=1, slots=5)
    await redis.delete("scraper:wake")
    second = await queue.claim("w", want=2, lease_ms=LEASE_MS, sequence=2, slots=5)
    assert (taken(first), first.code, taken(second), second.code) == (["T0"], "ok", [], "full")
    assert await tokens(redis) == (1, 0)
    other = await queue.claim("other", want=5, lease_ms=LEASE_MS, sequence=1, slots=5)
    assert [(claim.spec.ticker, claim.weight) for claim in other.claims] == [("T1", 3), ("T2", 1)]


@pytest.mark.parametrize("weight", [300, 1000])
async def test_a_job_heavier_than_a_batch_is_taken_by_a_worker_that_has_the_slots(
    queue: QueueCommands, weight: int
) -> None:
    await queue.control("weight:scraper:big", str(weight), "test")
    await queue.enqueue([spec("Big", "T0")])
    few = await queue.claim("w", want=weight - 1, lease_ms=LEASE_MS, sequence=1, slots=1000)
    enough = await queue.claim("w", want=weight, lease_ms=LEASE_MS, sequence=2, slots=1000)
    assert (few.code, [claim.weight for claim in enough.claims]) == ("full", [weight])


async def test_a_wait_that_is_aborted_before_it_reaches_the_server_is_given_up_too(woken: WokenClaims) -> None:
    waiting = asyncio.create_task(woken.claim("w", want=1, lease_ms=LEASE_MS, sequence=1))
    await asyncio.sleep(0)
    woken.abort()
    with pytest.raises(WaitAborted):
        await waiting
