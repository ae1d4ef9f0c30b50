"""Promises of the queue that only show when something goes wrong at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec
from tests.running_jobs import run_one

from pregao.domain.clock import SystemClock, from_ms
from pregao.domain.errors import QueueError
from pregao.domain.job import JobStatus
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.facts import AttemptReport, Firing, decode_entry, pack_result
from pregao.queue.keys import Keys
from pregao.queue.lease import LeaseKeeper
from pregao.queue.messages import Claim, Settlement
from pregao.store.recorder import Recorder
from pregao.worker.settler import Settler

KEYS = Keys()
LEASE_MS = 60_000
NOW_MS = 1_800_000_000_000


async def test_a_claim_that_is_repeated_late_does_not_answer_a_job_that_another_worker_has_by_now(
    redis: redis_asyncio.Redis,
) -> None:
    now = 1_800_000_000_000
    queue = QueueCommands(redis, now_ms=lambda: now)
    await queue.enqueue([spec()])
    assert len((await queue.claim("slow", want=1, lease_ms=1_000, sequence=1)).claims) == 1
    now += 1_001
    assert len(await queue.reclaim()) == 1
    assert len((await queue.claim("other", want=1, lease_ms=1_000, sequence=1)).claims) == 1
    assert (await queue.claim("slow", want=1, lease_ms=1_000, sequence=1)).claims == []


async def test_cancelling_a_running_job_tells_its_worker_at_once(redis: redis_asyncio.Redis) -> None:
    queue, job = QueueCommands(redis), spec()
    await queue.enqueue([job])
    await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    async with redis.pubsub() as channel:
        await channel.subscribe(KEYS.cancel)
        assert await channel.get_message(timeout=10)  # the confirmation
        await queue.cancel(job.id)
        message = await channel.get_message(timeout=10)
    assert message is not None
    assert message["data"].decode() == job.id


async def test_an_old_result_that_comes_late_does_not_replace_the_newer_one(
    redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    queue, recorder, job = QueueCommands(redis), Recorder(redis, pool), spec()
    await run_one(queue, job, {"price": "new"})
    settled: dict[Any, Any] = (await redis.xrange(KEYS.outbox))[-1][1]
    while await recorder.step():
        pass
    job_id, generation, version, *rest = settled[b"job"].decode().split(" ")
    older = {
        b"job": " ".join([job_id, generation, str(int(version) - 1), *rest]),
        b"result": pack_result(b'{"price":"old"}', compress=False),
    }
    await redis.xadd(KEYS.outbox, {**settled, **older})
    while await recorder.step():
        pass
    assert await pool.fetchval("SELECT data FROM scraper_results WHERE job_id = $1", job.id) == {"price": "new"}


async def test_a_worker_that_cannot_renew_is_told_to_stop_before_its_lease_ends(valkey_server: Valkey) -> None:
    clock, verdicts = SystemClock(), []
    async with open_redis(valkey_server.url) as redis:
        queue = QueueCommands(redis)
        await queue.enqueue([spec()])
        claimed_at = clock.monotonic()
        [claim] = (await queue.claim("w", want=1, lease_ms=3_000, sequence=1)).claims
    keeper = LeaseKeeper(
        valkey_server.url,
        KEYS,
        "w",
        lease_ms=3_000,
        renew_ms=1_000,
        clock=clock,
        heartbeat=lambda: b"{}",
        on_verdict=lambda _, token, verdict: verdicts.append((token, verdict, clock.monotonic())),
        on_generation_missing=lambda: None,
    )
    keeper.hold(claim.job_id, claim.token, claimed_at)
    valkey_server.kill()
    keeper.start()

    async def told() -> list[Any]:
        return verdicts

    try:
        [(token, verdict, at)] = await eventually(told, seconds=10, what="being told")
    finally:
        await asyncio.to_thread(keeper.stop)
    assert (token, verdict) == (claim.token, "expired")
    assert at < claimed_at + 3.0


async def test_a_settlement_that_redis_refuses_does_not_hold_up_the_others(redis: redis_asyncio.Redis) -> None:
    queue = QueueCommands(redis)
    await queue.enqueue([spec(), spec()])
    claims = (await queue.claim("w", want=2, lease_ms=LEASE_MS, sequence=1)).claims
    good, bad = (Settlement(claim=claim, completed=True, report=AttemptReport(), result_json=b"1") for claim in claims)
    bad = msgspec.structs.replace(bad, delay_ms="soon")  # no number: the script refuses the whole call

    async def no_rebuild() -> None:
        raise AssertionError("there is a generation")

    settler = Settler(queue, no_rebuild)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(settler.run())
        answers = await asyncio.gather(settler.settle(bad), settler.settle(good), return_exceptions=True)
        running.cancel()
    assert isinstance(answers[0], QueueError)
    assert not isinstance(answers[1], BaseException)
    assert answers[1].code == "ok"


@pytest.mark.parametrize("wanted", [1, 2])
async def test_a_job_that_is_accepted_wakes_whoever_waits_for_work(redis: redis_asyncio.Redis, wanted: int) -> None:
    await QueueCommands(redis).enqueue([spec() for _ in range(wanted)])
    assert await redis.blpop([KEYS.wake], timeout=10) is not None  # type: ignore[misc]


# --- one promise of one script each --------------------------------------------------------------------------------


@pytest.fixture
def queue(redis: redis_asyncio.Redis) -> QueueCommands:
    """A queue whose clock stands still at NOW_MS."""
    return QueueCommands(redis, now_ms=lambda: NOW_MS)


async def claim_one(queue: QueueCommands, worker: str = "w", sequence: int = 1) -> Claim:
    [claim] = (await queue.claim(worker, want=1, lease_ms=LEASE_MS, sequence=sequence)).claims
    return claim


def failed(claim: Claim) -> Settlement:
    report = AttemptReport(error="it broke")
    return Settlement(claim=claim, completed=False, report=report, retryable=True, delay_ms=2_000)


def completed(claim: Claim) -> Settlement:
    return Settlement(claim=claim, completed=True, report=AttemptReport(), result_json=b"1")


@pytest.fixture
async def stale(queue: QueueCommands) -> Claim:
    """An attempt that lost its lease; another worker has the job by now."""
    await queue.enqueue([spec()])
    first = await claim_one(queue, "slow")
    await queue.reclaim(dead_worker="slow")
    await claim_one(queue, "other")
    return first


async def test_an_old_token_settles_nothing(queue: QueueCommands, stale: Claim) -> None:
    [answer] = await queue.settle([completed(stale)])
    assert (answer.code, answer.state) == ("stale", JobStatus.RUNNING)


async def test_an_old_token_releases_nothing(queue: QueueCommands, stale: Claim) -> None:
    [answer] = await queue.release([(stale.job_id, stale.token)])
    assert (answer.code, answer.state) == ("stale", JobStatus.RUNNING)


async def test_an_old_token_renews_nothing(queue: QueueCommands, stale: Claim) -> None:
    renewed = await queue._scripts.call("renew", "slow", LEASE_MS, b"{}", stale.job_id, stale.token)
    assert renewed == [b"LOST"]


async def test_a_settle_that_is_repeated_is_known(queue: QueueCommands) -> None:
    await queue.enqueue([spec()])
    claim = await claim_one(queue)
    assert [(await queue.settle([completed(claim)]))[0].code for _ in range(2)] == ["ok", "dup"]


async def test_a_claim_that_is_repeated_answers_the_same(queue: QueueCommands) -> None:
    await queue.enqueue([spec(), spec()])
    assert await claim_one(queue) == await claim_one(queue)


async def test_tokens_rise_even_when_the_clock_stands_still(queue: QueueCommands) -> None:
    await queue.enqueue([spec(), spec()])
    first, second = await claim_one(queue, sequence=1), await claim_one(queue, sequence=2)
    assert int(first.token.split("-")[1]) < int(second.token.split("-")[1])


async def test_a_job_that_fails_after_a_cancel_request_is_cancelled_and_not_retried(queue: QueueCommands) -> None:
    await queue.enqueue([spec()])
    claim = await claim_one(queue)
    await queue.cancel(claim.job_id)
    [answer] = await queue.settle([failed(claim)])
    assert answer.state is JobStatus.CANCELLED


async def test_a_cancel_request_is_told_at_the_next_renewal(queue: QueueCommands) -> None:
    await queue.enqueue([spec()])
    claim = await claim_one(queue)
    await queue.cancel(claim.job_id)
    assert await queue._scripts.call("renew", "w", LEASE_MS, b"{}", claim.job_id, claim.token) == [b"CANCEL"]


async def test_a_unique_key_is_held_by_a_live_job_and_free_after_it(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    first, second = spec(unique_key="daily"), spec(unique_key="daily")
    [_, answer] = await queue.enqueue([first, second])
    assert (answer.code, answer.job_id) == ("duplicate", first.id)
    await queue.cancel(first.id)
    assert await redis.exists("scraper:uniq:daily") == 0


async def test_an_id_that_is_known_is_accepted_once(queue: QueueCommands, redis: redis_asyncio.Redis) -> None:
    job = spec()
    answers = [await queue.enqueue([job]), await queue.enqueue([job])]
    assert [answer.code for [answer] in answers] == ["created", "exists"]
    assert await redis.llen("scraper:jobs:normal") == 1


async def test_a_job_that_is_given_back_is_the_next_one(queue: QueueCommands) -> None:
    await queue.enqueue([spec(), spec()])
    claim = await claim_one(queue)
    await queue.release([(claim.job_id, claim.token)])
    assert (await claim_one(queue, sequence=2)).job_id == claim.job_id


async def test_a_retry_waits_until_it_is_due(queue: QueueCommands, redis: redis_asyncio.Redis) -> None:
    await queue.enqueue([spec()])
    await queue.settle([failed(await claim_one(queue))])
    assert await queue.promote() == 0
    later = QueueCommands(redis, now_ms=lambda: NOW_MS + 2_000)
    assert await later.promote() == 1


@pytest.mark.parametrize(("ms_ago", "replies"), [(0, ["fired", "already"]), (-1, ["early", "early"])])
async def test_an_occurrence_fires_once_and_never_before_its_time(
    queue: QueueCommands, ms_ago: int, replies: list[str]
) -> None:
    firing = Firing(schedule_name="daily", scraper_name="B3", fire_time=from_ms(NOW_MS - ms_ago))
    assert [await queue.fire(firing, []) for _ in range(2)] == replies


async def test_facts_that_are_forgotten_no_longer_count(queue: QueueCommands, redis: redis_asyncio.Redis) -> None:
    await queue.enqueue([spec(), spec()])
    first, second = [decode_entry(*entry) for entry in await redis.xrange(KEYS.outbox)]
    assert await queue.forget([first]) == 1
    assert int(await redis.get(KEYS.outbox_bytes)) == second.size_bytes
