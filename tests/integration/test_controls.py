"""What holds jobs back: pauses, caps and fairness, on a real worker, through the API and the command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.api_service import ApiService, api_service
from tests.builders import eventually, spec
from tests.working import SettingsMaker, ended, has_length, open_gate, scrapes, working

from pregao.cli.main import run
from pregao.domain.clock import SystemClock, to_ms
from pregao.domain.job import JobPriority, JobStatus
from pregao.queue.adoption import adopt
from pregao.queue.commands import QueueCommands
from pregao.queue.controls import FAIR, Pause, cap_field, pause_value
from pregao.queue.views import QueueViews
from pregao.recovery import reconcile
from pregao.settings import Settings
from pregao.store.recorder import Recorder
from pregao.store.scrubber import Scrubber

LEASE_MS = 15_000


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[ApiService]:
    async with api_service(settings) as service:
        yield service


@pytest.fixture
def make_settings(settings: Settings, redis_url: str) -> SettingsMaker:
    return SettingsMaker(settings.pregao_home, REDIS_URL=redis_url, DATABASE_URL=str(settings.database_url))


async def asked(api: ApiService, method: str, path: str, **body: Any) -> Any:
    answer = await api.client.request(method, f"/api/queue{path}", json=body or None)
    return answer.json() if answer.status_code == 200 else (answer.status_code, answer.json())


def pause_of_echo(**more: Any) -> Pause:
    values = {"kind": "scraper", "name": "echo", "who": "ana", "why": "test", "since": SystemClock().now()}
    return Pause(**{**values, **more})


async def test_a_paused_scraper_waits_and_holds_up_nobody_behind_it(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    pause = pause_of_echo()
    await queue.control(pause.field, pause_value(pause), "ana")
    held, other = spec("Echo", "held"), spec("Gated", "other")
    async with working(make_settings(), slots=1):
        await queue.enqueue([held, other])
        open_gate()
        await ended(views, other, JobStatus.COMPLETED)
        assert await views.status(held.id) is JobStatus.PENDING
        assert await views.parked() == {"echo": {JobPriority.HIGH: 0, JobPriority.NORMAL: 1, JobPriority.LOW: 0}}
        assert (await views.lengths()).total == 0
        await queue.control(pause.field, "", "ana")
        await ended(views, held, JobStatus.COMPLETED)


async def test_a_pause_ends_by_itself_and_an_idle_worker_notices(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    soon = await queue.server_time() + timedelta(milliseconds=400)
    pause = pause_of_echo(until=soon)
    await queue.control(pause.field, pause_value(pause), "ana")
    job = spec("Echo", "PETR4")
    async with working(make_settings()):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.COMPLETED)
    assert document["started_at"] >= soon.isoformat(timespec="milliseconds")
    assert (await views.controls()).pauses == []


async def test_a_paused_queue_waits_and_the_others_go_on(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    pause = pause_of_echo(kind="priority", name="high")
    await queue.control(pause.field, pause_value(pause), "ana")
    high, low = spec("Echo", "h", priority=JobPriority.HIGH), spec("Echo", "l", priority=JobPriority.LOW)
    async with working(make_settings()):
        await queue.enqueue([high, low])
        await ended(views, low, JobStatus.COMPLETED)
        assert await views.status(high.id) is JobStatus.PENDING
        await queue.control(pause.field, "", "ana")
        await ended(views, high, JobStatus.COMPLETED)


async def test_a_cap_holds_over_all_workers_and_keeps_the_order(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    await queue.control(cap_field("Gated"), "2", "ana")
    jobs = [spec("Gated", str(number)) for number in range(6)]
    async with working(make_settings(), slots=4), working(make_settings(), slots=4):
        await queue.enqueue(jobs)
        await eventually(scrapes, lambda seen: has_length(2, seen))
        assert (await views.lengths()).running == 2
        open_gate()
        for job in jobs:
            await ended(views, job, JobStatus.COMPLETED)
    assert await scrapes() == [str(number) for number in range(6)]


async def test_a_slot_that_comes_free_wakes_an_idle_worker_for_what_is_parked(
    queue: QueueCommands, redis: redis_asyncio.Redis
) -> None:
    await queue.control(cap_field("Echo"), "1", "ana")
    await queue.enqueue([spec("Echo", "first"), spec("Echo", "parked")])
    (claim,) = (await queue.claim("w", want=2, lease_ms=LEASE_MS, sequence=1)).claims
    await redis.delete("scraper:wake")
    await queue.release([(claim.job_id, claim.token)], delay_ms=60_000)
    assert await redis.llen("scraper:wake") == 1  # type: ignore[misc]


async def test_a_lower_queue_gets_its_turn_while_a_higher_one_is_busy(queue: QueueCommands) -> None:
    await queue.control(FAIR, "3", "ana")
    busy = [spec("Echo", f"h{n}", priority=JobPriority.HIGH) for n in range(6)]
    await queue.enqueue(
        [*busy, spec("Echo", "n", priority=JobPriority.NORMAL), spec("Echo", "l", priority=JobPriority.LOW)]
    )
    taken = []
    for sequence in range(8):
        claims = await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=sequence)
        taken += [claim.spec.ticker for claim in claims.claims]
    assert taken == ["h0", "h1", "n", "h2", "h3", "l", "h4", "h5"]


async def test_rules_survive_the_loss_of_redis(
    queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    pause = pause_of_echo()
    await queue.control(pause.field, pause_value(pause), "ana")
    await queue.control(cap_field("B3"), "3", "ana")
    await queue.control(cap_field("BCB"), "1", "ana")
    await queue.control(cap_field("BCB"), "", "ana")
    while await Recorder(redis, pool).step():
        pass
    await redis.flushall()
    await reconcile(queue, pool)
    controls = await views.controls()
    assert ([p.name for p in controls.pauses], controls.caps) == (["echo"], {"b3": 3})


async def test_a_pause_says_who_why_and_until_when_wherever_one_looks(api: ApiService) -> None:
    paused = await asked(api, "POST", "/pause", scraper_name="b3", why="the source is down", who="ana", **{"for": "2h"})
    (pause,) = paused["paused"]
    assert {name: pause[name] for name in ("scraper", "who", "why")} == {
        "scraper": "b3", "who": "ana", "why": "the source is down",
    }  # fmt: skip
    assert pause["until"] > pause["since"]
    assert (await api.get("/queue/status"))["paused"] == [pause]
    health = (await api.client.get("/api/jobs/health")).json()
    assert health["paused"] == [pause]
    assert (await asked(api, "POST", "/resume", scraper_name="B3", who="ana"))["paused"] == []


async def test_a_pause_without_an_end_that_lasts_a_day_degrades_the_health(api: ApiService) -> None:
    since = SystemClock().now() - timedelta(hours=30)
    pause = pause_of_echo(since=since)
    await api.commands.control(pause.field, pause_value(pause), "ana")
    problems = (await api.client.get("/api/jobs/health")).json()["problems"]
    assert any("scraper echo has been paused since" in problem and "ana (test)" in problem for problem in problems)


async def test_every_change_is_kept_with_who_before_and_after(api: ApiService) -> None:
    await asked(api, "PUT", "/cap", scraper_name="B3", concurrency=3, who="ana")
    await asked(api, "PUT", "/cap", scraper_name="B3", concurrency=5, who="rui")
    await asked(api, "PUT", "/cap", scraper_name="B3", concurrency=5, who="rui")
    while await api.recorder.step():
        pass
    changes = (await asked(api, "GET", "/audit"))["changes"]
    told = [(one["who"], one["what"], one["before"], one["after"]) for one in changes]
    assert told == [("rui", "cap:scraper:b3", 3, 5), ("ana", "cap:scraper:b3", None, 3)]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/pause", {"why": "x"}, "priority"),
        ("/pause", {"why": "x", "priority": "high", "scraper_name": "B3"}, "priority"),
        ("/pause", {"priority": "high"}, "why"),
        ("/pause", {"priority": "urgent", "why": "x"}, "priority"),
        ("/pause", {"scraper_name": "B33", "why": "x"}, "scraper_name"),
        ("/pause", {"priority": "high", "why": "x", "until": "2020-01-01T00:00:00Z"}, "until"),
        ("/pause", {"priority": "high", "why": "x", "until": "tomorrow"}, "until"),
        ("/pause", {"priority": "high", "why": "x", "for": "soon"}, "for"),
        ("/cap", {"scraper_name": "B3", "concurrency": -1}, "concurrency"),
        ("/cap", {"scraper_name": "B3"}, "concurrency"),
        ("/cap", {"priority": "high", "concurrency": 1}, "priority"),
        ("/fair", {"every": 1}, "every"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_with_its_field(
    api: ApiService, path: str, body: dict[str, Any], field: str
) -> None:
    method = "POST" if path == "/pause" else "PUT"
    status, problem = await asked(api, method, path, **body)
    assert (status, problem["errors"][0]["field"]) == (422, field)


async def test_a_job_that_another_producer_wrote_is_adopted_and_run(
    make_settings: SettingsMaker, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    job = spec("Echo", "PETR4")
    document = {
        "id": job.id,
        "scraper_name": "Echo",
        "ticker": "PETR4",
        "priority": "low",
        "created_at": "2026-11-07T10:30:00",
        "metadata": {"by": "hand"},
    }
    await redis.set(f"scraper:job:{job.id}:data", json.dumps(document), ex=86_400)
    await redis.lpush("scraper:jobs:high", job.id)  # type: ignore[misc]
    async with working(make_settings()):
        done = await ended(views, job, JobStatus.COMPLETED)
    assert (done["priority"], done["metadata"], done["created_at"]) == (
        "high",
        {"by": "hand"},
        "2026-11-07T10:30:00-03:00",
    )
    assert await redis.xlen("scraper:outbox") >= 2


async def test_what_another_producer_pushed_and_is_no_job_is_set_aside(
    queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    job_id = spec("Echo", "x").id
    await redis.set(f"scraper:job:{job_id}:data", '{"id": "another"}')
    await redis.lpush("scraper:jobs:normal", job_id)  # type: ignore[misc]
    found = (await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)).foreign
    assert await adopt(queue, found, SystemClock()) == 0
    assert await views.orphans() == 1
    assert await redis.zcard("scraper:foreign") == 0


async def test_a_foreign_job_whose_adopter_died_comes_back(redis: redis_asyncio.Redis) -> None:
    now = to_ms(SystemClock().now())
    queue = QueueCommands(redis, now_ms=lambda: now)
    job_id = spec("Echo", "x").id
    await redis.set(f"scraper:job:{job_id}:data", "{}")
    await redis.lpush("scraper:jobs:normal", job_id)  # type: ignore[misc]
    await queue.tick()
    assert (await queue.claim("w", want=1, lease_ms=LEASE_MS, sequence=1)).foreign
    assert await redis.llen("scraper:jobs:normal") == 0  # type: ignore[misc]
    now += 30_001
    await queue.tick()
    assert await redis.lrange("scraper:jobs:normal", 0, -1) == [job_id.encode()]  # type: ignore[misc]


async def test_jobs_whose_ids_somebody_took_out_come_back_and_no_others(
    queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    await queue.control(cap_field("Parked"), "0", "ana")
    taken, waits, parked = (
        spec("Echo", "taken"),
        spec("Echo", "waits"),
        spec("Parked", "parked", priority=JobPriority.HIGH),
    )
    await queue.enqueue([taken, waits, parked])
    await queue.claim("w", want=0, lease_ms=LEASE_MS, sequence=1)
    assert await redis.rpop("scraper:jobs:normal") == taken.id.encode()  # type: ignore[misc]
    assert await queue.scrub([waits.id, parked.id]) == [], "what waits somewhere is left there"
    assert await Scrubber(redis).scrub() == [taken.id]
    assert await Scrubber(redis).scrub() == []
    assert await redis.lrange("scraper:jobs:normal", 0, -1) == [waits.id.encode(), taken.id.encode()]  # type: ignore[misc]


def shell(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended_with:
        run(["queue", *arguments])
    out, err = capsys.readouterr()
    return int(ended_with.value.code or 0), out, err


async def test_the_command_pauses_shows_and_resumes(
    settings: Settings, redis: redis_asyncio.Redis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", str(settings.redis_url))
    monkeypatch.setenv("DATABASE_URL", str(settings.database_url))

    def do(*arguments: str) -> tuple[int, str, str]:
        return shell(capsys, *arguments)

    code, out, _ = await asyncio.to_thread(do, "pause", "--scraper", "bcb", "--why", "maintenance", "--by", "ana")
    assert (code, "scraper bcb is paused until somebody resumes it: maintenance (ana" in out) == (0, True)
    _, out, _ = await asyncio.to_thread(do, "status")
    assert "scraper bcb is paused" in out
    _, out, _ = await asyncio.to_thread(do, "cap", "BCB", "2")
    assert "scraper bcb: at most 2 at once" in out
    _, out, _ = await asyncio.to_thread(do, "controls", "--json")
    assert json.loads(out)["caps"] == {"bcb": 2}
    assert (await asyncio.to_thread(do, "cap", "BCB", "none"))[0] == 0
    assert (await asyncio.to_thread(do, "resume", "--scraper", "BCB"))[1].strip() == "nothing holds jobs back"
    assert "was not paused" in (await asyncio.to_thread(do, "resume", "--scraper", "BCB"))[2]
    code, _, err = await asyncio.to_thread(do, "cap", "BCB", "many")
    assert (code, "concurrency: 'many' is not a number" in err) == (2, True)
