"""What the scripts promise beyond the model test: limits, refusals, the server's own troubles."""

from __future__ import annotations

import orjson
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import spec, written_to_file

from pregao.domain.errors import GenerationMissing, InvalidInput, QueueError, QueueFull, QueueUnavailable, UnsafeServer
from pregao.domain.job import JobPriority, JobStatus
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import check_server, open_redis
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Settlement
from pregao.queue.views import QueueViews

LEASE_MS = 15_000


async def test_jobs_are_served_by_priority_and_oldest_first_within_one(queue: QueueCommands) -> None:
    order = [JobPriority.LOW, JobPriority.NORMAL, JobPriority.HIGH, JobPriority.NORMAL, JobPriority.HIGH]
    specs = [spec(ticker=str(n), priority=priority) for n, priority in enumerate(order)]
    for one in specs:
        await queue.enqueue([one])
    claims = await queue.claim("w", want=10, lease_ms=LEASE_MS, sequence=1)
    assert [claim.spec.ticker for claim in claims.claims] == ["2", "4", "1", "3", "0"]


async def test_a_bulk_enqueue_above_one_call_keeps_its_order(queue: QueueCommands, views: QueueViews) -> None:
    specs = [spec(ticker=str(n)) for n in range(2_500)]
    accepted = await queue.enqueue(specs)
    assert [a.job_id for a in accepted] == [s.id for s in specs]
    assert (await views.lengths()).normal == 2_500
    claims = await queue.claim("w", want=3, lease_ms=LEASE_MS, sequence=1)
    assert [claim.job_id for claim in claims.claims] == [s.id for s in specs[:3]]


async def test_a_redis_without_a_generation_marker_takes_no_work(redis: redis_asyncio.Redis) -> None:
    await redis.flushall()
    queue = QueueCommands(redis)
    with pytest.raises(GenerationMissing, match="pregao recover"):
        await queue.enqueue([spec()])
    assert await redis.dbsize() == 0


async def test_a_bad_argument_in_a_batch_writes_nothing_at_all(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    good = ["id-1", "high", "b3", '"scraper_name":"B3","ticker":null', 3, "", '"id":"id-1"']
    bad = ["id-2", "urgent", "b3", '"scraper_name":"B3","ticker":null', 3, "", '"id":"id-2"']
    with pytest.raises(QueueError, match="EPRIORITY urgent"):
        await queue._scripts.call("enqueue", *good, *bad)
    assert await redis.dbsize() == 1, "only the generation marker"


async def test_at_maxmemory_new_jobs_are_refused_and_running_ones_can_end(
    queue: QueueCommands, redis: redis_asyncio.Redis, views: QueueViews
) -> None:
    running = spec()
    await queue.enqueue([running])
    (claim,) = (await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)).claims
    before = (await redis.config_get("maxmemory"))["maxmemory"]
    try:
        await redis.config_set("maxmemory", "1")
        with pytest.raises(QueueFull, match="maxmemory"):
            await queue.enqueue([spec()])
        done = Settlement(claim=claim, completed=True, report=AttemptReport(), result_json=b"{}")
        (settled,) = await queue.settle([done])
        assert settled.code == "ok"
        assert (await queue.cancel(running.id)).code == "ended"
        assert await queue.tick()
    finally:
        await redis.config_set("maxmemory", before)
    assert (await views.lengths()).total == 0


async def test_a_server_that_evicts_is_refused_with_the_cure(redis: redis_asyncio.Redis) -> None:
    before = (await redis.config_get("maxmemory-policy"))["maxmemory-policy"]
    try:
        await redis.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(UnsafeServer, match="CONFIG SET maxmemory-policy noeviction"):
            await check_server(redis)
    finally:
        await redis.config_set("maxmemory-policy", before)


async def test_a_server_without_an_append_only_file_is_only_warned_about(redis: redis_asyncio.Redis) -> None:
    facts = await check_server(redis)
    assert any("appendonly is off" in warning for warning in facts.warnings)


async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    client = open_redis("redis://127.0.0.1:1")
    try:
        with pytest.raises(QueueUnavailable, match="cannot be reached"):
            await QueueCommands(client).enqueue([spec()])
        with pytest.raises(QueueUnavailable, match="cannot be reached"):
            await QueueViews(client).lengths()
    finally:
        await client.aclose()


async def test_scripts_survive_a_script_flush(queue: QueueCommands, redis: redis_asyncio.Redis) -> None:
    await queue.enqueue([spec()])
    await redis.script_flush()
    assert (await queue.enqueue([spec()]))[0].code == "created"


async def test_jobs_survive_the_death_of_the_server(valkey_server: Valkey) -> None:
    client = open_redis(valkey_server.url)
    try:
        one = spec()
        await QueueCommands(client).enqueue([one])
        await written_to_file(client)
        valkey_server.kill()
        valkey_server.start()
        document = await QueueViews(client).document(one.id)
        assert document is not None
        assert document["status"] == "pending"
    finally:
        await client.aclose()


async def test_a_token_is_above_every_earlier_one_after_redis_was_emptied(redis: redis_asyncio.Redis) -> None:
    queue = QueueCommands(redis)
    tokens = []
    for generation in (1, 2):
        await redis.flushall()
        await queue.open_generation(generation)
        await queue.enqueue([spec()])
        (claim,) = (await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)).claims
        tokens.append(tuple(int(part) for part in claim.token.split("-")))
    assert tokens[0] < tokens[1]


async def test_a_clock_jump_moves_leases_along_instead_of_expiring_them(redis: redis_asyncio.Redis) -> None:
    now = 1_800_000_000_000
    queue = QueueCommands(redis, now_ms=lambda: now)
    await queue.tick()
    await queue.enqueue([spec()])
    await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    now += 3_600_000
    assert (await queue.tick()).corrected_ms == 3_600_000
    assert await queue.reclaim() == {}
    now += 4_000
    await queue.tick()
    now += 4_999
    await queue.tick()
    now += 4_999
    await queue.tick()
    now += 1_500
    assert len(await queue.reclaim()) == 1


@pytest.mark.parametrize(("restarted", "expired"), [(True, 0), (False, 1)])
async def test_leases_outlast_any_restart_of_the_server_since_nobody_could_renew(
    valkey_server: Valkey, restarted: bool, expired: int
) -> None:
    now = 1_800_000_000_000
    async with open_redis(valkey_server.url) as redis:
        queue = QueueCommands(redis, now_ms=lambda: now)
        await queue.enqueue([spec()])
        await queue.claim("w", want=1, lease_ms=1_000, sequence=1)
        await queue.tick()
        if restarted:
            await written_to_file(redis)
            valkey_server.kill()
            valkey_server.start()
        now += 1_500  # far below a jump of the clock
        assert (await queue.tick()).expired == expired
        assert len(await queue.reclaim()) == expired


async def test_a_job_that_loses_its_lease_three_times_fails_as_poison(redis: redis_asyncio.Redis) -> None:
    now = 1_800_000_000_000
    queue, views = QueueCommands(redis, now_ms=lambda: now), QueueViews(redis)
    one = spec(max_retries=5)
    await queue.enqueue([one])
    for sequence in range(3):
        await queue.claim("w", want=1, lease_ms=1_000, sequence=sequence)
        now += 1_001
        states = await queue.reclaim()
    assert states == {one.id: JobStatus.FAILED}
    document = await views.document(one.id)
    assert document is not None
    assert document["retry_count"] == 0, "a lost lease spends no retry"
    assert "poison: the lease was lost 3 times" in document["error"]


async def test_an_outbox_above_its_limit_stops_new_claims(queue: QueueCommands, redis: redis_asyncio.Redis) -> None:
    await queue.enqueue([spec()])
    queue.outbox_limit_bytes = 10
    claims = await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    assert (claims.code, claims.claims) == ("behind", [])
    assert await redis.llen("scraper:jobs:normal") == 1


async def test_an_id_that_nobody_described_is_set_aside_and_counted(
    queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    real = spec()
    await redis.lpush("scraper:jobs:normal", "9f0c1c52-0000-4000-8000-000000000000")
    await queue.enqueue([real])
    claims = await queue.claim("w", want=5, lease_ms=LEASE_MS, sequence=1)
    assert [claim.job_id for claim in claims.claims] == [real.id]
    assert await views.orphans() == 1


async def test_a_document_that_was_overwritten_comes_back_as_unreadable(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    one = spec()
    await queue.enqueue([one])
    await redis.set(f"scraper:job:{one.id}:data", "garbage" * 40)
    claims = await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    assert claims.claims == []
    assert [job_id for job_id, _, _ in claims.unreadable] == [one.id]


async def test_claiming_leaves_a_wake_token_while_work_remains(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    await queue.enqueue([spec(), spec()])
    assert await redis.llen("scraper:wake") == 1
    await redis.delete("scraper:wake")
    await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)
    assert await redis.llen("scraper:wake") == 1
    await redis.delete("scraper:wake")
    await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=2)
    assert await redis.llen("scraper:wake") == 0


async def test_a_lost_wake_token_is_healed_by_the_tick(queue: QueueCommands, redis: redis_asyncio.Redis) -> None:
    await queue.enqueue([spec()])
    await redis.delete("scraper:wake")
    await queue.tick()
    assert await redis.llen("scraper:wake") == 1


async def test_events_of_the_queue_have_the_contracts_fields(queue: QueueCommands, redis: redis_asyncio.Redis) -> None:
    one = spec(ticker='a "quoted" phrase, São Paulo')
    async with redis.pubsub() as channel:
        await channel.subscribe("scraper:events")
        await channel.get_message(timeout=5)
        await queue.enqueue([one])
        (claim,) = (await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)).claims
        failed = Settlement(claim=claim, completed=False, retryable=True, report=AttemptReport(error="no"), delay_ms=9)
        await queue.settle([failed])
        events = []
        while len(events) < 3:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
            assert message is not None
            events.append(orjson.loads(message["data"]))
    assert [event["event"] for event in events] == ["job_created", "job_started", "job_retry"]
    assert [event["status"] for event in events] == ["pending", "running", "retry"]
    for event in events:
        assert event["job_id"] == one.id
        assert (event["scraper_name"], event["ticker"], event["success"]) == ("B3", one.ticker, None)
        assert event["timestamp"].endswith("+00:00")
    assert len({event["event_id"] for event in events}) == 3


async def test_an_ended_job_stays_for_24_hours_and_a_live_one_for_ever(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    live, ended = spec(), spec()
    await queue.enqueue([live, ended])
    await queue.cancel(ended.id)
    for part in ("status", "data", "meta"):
        assert await redis.ttl(f"scraper:job:{live.id}:{part}") == -1
        assert 86_390 < await redis.ttl(f"scraper:job:{ended.id}:{part}") <= 86_400


async def test_a_large_result_stays_out_of_the_document(queue: QueueCommands, views: QueueViews) -> None:
    one = spec()
    await queue.enqueue([one])
    (claim,) = (await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)).claims
    large = orjson.dumps({"page": "x" * 20_000})
    await queue.settle([Settlement(claim=claim, completed=True, report=AttemptReport(), result_json=large)])
    document = await views.document(one.id)
    assert document is not None
    assert (document["result"], document["result_omitted"]) == (None, True)
    fact = (await views.unrecorded())[0]
    assert fact.result_json == large, "it is on its way to PostgreSQL, whole"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_retries": -5}, "max_retries"),
        ({"scraper_name": " "}, "scraper_name"),
        ({"id": "not-a-uuid"}, "id"),
        ({"ticker": "a\0b"}, "ticker"),
        ({"metadata": {"note": "a\0b"}}, "metadata"),
        ({"ticker": "\ud800"}, "ticker"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
    ],
)
def test_a_request_that_could_never_run_names_its_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        spec(**changes)
    assert caught.value.field == field
    assert caught.value.fix


def test_text_that_only_looks_like_an_escaped_nul_is_fine() -> None:
    assert spec(metadata={"regex": "\\u0000"}).metadata == {"regex": "\\u0000"}
