"""Waiting and claiming in one round trip: what comes of it, and what a worker must be able to do about it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis_asyncio
from redis.exceptions import ResponseError
from tests.builders import eventually, spec

from pregao.domain.errors import QueueUnavailable
from pregao.queue.commands import QueueCommands
from pregao.queue.woken import WokenClaims

LEASE_MS = 15_000


@pytest.fixture
async def woken(redis_url: str, queue: QueueCommands) -> AsyncIterator[WokenClaims]:
    claims = WokenClaims(redis_url, queue)
    yield claims
    await claims.aclose()


async def blocked(redis: redis_asyncio.Redis) -> int:
    return int((await redis.info("clients"))["blocked_clients"])


async def test_a_job_that_comes_while_a_worker_waits_is_claimed_in_the_same_answer(
    queue: QueueCommands, woken: WokenClaims, redis: redis_asyncio.Redis
) -> None:
    await queue.enqueue([spec("Echo", "first use loads the script")])
    await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    await redis.delete("scraper:wake")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(woken.claim("w", want=1, lease_ms=LEASE_MS, sequence=2))
        await eventually(lambda: blocked(redis))
        job = spec("Echo", "PETR4")
        await queue.enqueue([job])
    assert [claim.job_id for claim in waiting.result().claims] == [job.id]


async def test_a_script_that_the_server_forgot_is_sent_again(
    queue: QueueCommands, woken: WokenClaims, redis: redis_asyncio.Redis
) -> None:
    job = spec("Echo", "PETR4")
    await queue.enqueue([job])
    await redis.script_flush()
    claims = await woken.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    assert [claim.job_id for claim in claims.claims] == [job.id]


async def test_a_wait_that_is_aborted_says_so_and_the_next_one_works(
    queue: QueueCommands, woken: WokenClaims, redis: redis_asyncio.Redis
) -> None:
    waiting = asyncio.create_task(woken.claim("w", want=1, lease_ms=LEASE_MS, sequence=1))
    await eventually(lambda: blocked(redis))
    woken.abort()
    with pytest.raises(QueueUnavailable):
        await waiting
    job = spec("Echo", "PETR4")
    await queue.enqueue([job])
    assert [c.job_id for c in (await woken.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)).claims] == [job.id]


async def test_a_server_that_takes_the_connection_and_never_speaks_is_given_up(
    queue: QueueCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a cut cable makes it: what blocks has no timeout of its own."""
    monkeypatch.setattr("pregao.queue.woken.ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silence:
        woken = WokenClaims(f"redis://127.0.0.1:{silence.getsockname()[1]}/0", queue)
        with pytest.raises(QueueUnavailable):
            await asyncio.wait_for(woken.claim("w", want=1, lease_ms=LEASE_MS, sequence=1), 20)
        await woken.aclose()


async def test_a_claim_that_was_asked_about_cannot_be_made_afterwards(queue: QueueCommands) -> None:
    """The waiting claim of a worker that stops may reach the server after the question what became of it."""
    await queue.enqueue([spec("Echo", "PETR4")])
    asked = await queue.claim("w", want=0, lease_ms=LEASE_MS, sequence=7)
    late = await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=7)
    assert (asked.claims, late.claims) == ([], [])
    assert len((await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=8)).claims) == 1


async def test_what_the_server_refuses_is_raised_and_leaves_no_half_answer(
    queue: QueueCommands, woken: WokenClaims, redis: redis_asyncio.Redis
) -> None:
    await redis.set("scraper:wake", "no list")
    with pytest.raises(Exception, match="WRONGTYPE") as raised:
        await woken.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    assert not isinstance(raised.value, ResponseError), "it is told as an error of the queue"
    await redis.delete("scraper:wake")
    job = spec("Echo", "PETR4")
    await queue.enqueue([job])
    assert [c.job_id for c in (await woken.claim("w", want=1, lease_ms=LEASE_MS, sequence=2)).claims] == [job.id]
