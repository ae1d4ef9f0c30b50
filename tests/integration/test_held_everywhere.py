"""What is held back is told at every door: the API, health, the command line, top, the doctor, events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio as redis_asyncio
from tests.api_service import ApiService, api_service
from tests.builders import spec
from tests.diagnosis import diagnose
from tests.running_jobs import claim
from tests.running_system import Pregao, pregao_on, unused_port

from pregao.domain.clock import SystemClock
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import AttemptReport
from pregao.queue.keys import Keys
from pregao.queue.login_holds import LoginHold, login_field, login_value
from pregao.queue.messages import Settlement
from pregao.settings import Settings


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[ApiService]:
    async with api_service(settings) as service:
        yield service


@pytest.fixture
def pregao(settings: Settings) -> Pregao:
    return pregao_on(settings)


async def fail_in_a_row(queue: QueueCommands, scraper: str, times: int) -> None:
    """As many jobs of it that fail for the same reason."""
    for _ in range(times):
        job = spec(scraper)
        await queue.enqueue([job])
        [held] = await claim(queue, job_id=job.id)
        report = AttemptReport(error="timed out after 60 s", error_class="timeout")
        await queue.settle([Settlement(claim=held, completed=False, report=report, counts=True)])


async def complain(queue: QueueCommands, scraper: str, host: str) -> None:
    """A job of it is answered 429 for an hour."""
    await queue.control(f"hosts:scraper:{scraper}", host, "test")
    job = spec(scraper)
    await queue.enqueue([job])
    [held] = await claim(queue, job_id=job.id)
    await queue.release([(held.job_id, held.token)], delay_ms=3_600_000, hold_ms=3_600_000)


@pytest.fixture
async def held(queue: QueueCommands) -> None:
    """B3's breaker opened by itself, with a job parked; BCB needs a login; a host of Fundamentus complained."""
    await queue.control("breaker:scraper:b3", "3", "test")
    await fail_in_a_row(queue, "B3", 3)
    hold = LoginHold(who="session files on h1", why="site.json is missing", host="h1", since=SystemClock().now())
    await queue.control(login_field("BCB"), login_value(hold), "session files on h1")
    await complain(queue, "fundamentus", "fundamentus.com.br")
    await queue.enqueue([spec("B3")])
    await claim(queue)


def check(document: dict[str, Any]) -> None:
    """The three, as every document has them."""
    (breaker,) = document["breakers"]
    assert (breaker["scraper"], breaker["state"], breaker["who"]) == ("b3", "open", "breaker")
    assert (breaker["error_class"], breaker["failures"]) == ("timeout", 3)
    assert breaker["why"] == "3 failures in a row of class timeout, the last: timed out after 60 s"
    assert breaker["since"] < breaker["until"]
    (slowed,) = document["slowed"]
    assert (slowed["host"], slowed["level"], slowed["distance_seconds"]) == ("fundamentus.com.br", 1, 0.5)
    assert slowed["until"] is not None
    (login,) = document["logins"]
    assert (login["scraper"], login["why"], login["host"]) == ("bcb", "site.json is missing", "h1")
    assert document["paused"] == []


LINES = (
    "the breaker of b3 is open until ",
    "3 failures in a row of class timeout, the last: timed out after 60 s (since ",
    "scraper bcb needs a login, and its jobs wait: site.json is missing (on h1, since ",
    "host fundamentus.com.br asked to be left alone until ",
    "jobs start 0.5 s apart (level 1 of 7)",
)


@pytest.mark.usefixtures("held")
async def test_by_the_api_s_queue(api: ApiService) -> None:
    status = await api.get("/queue/status")
    check(status)
    assert (status["parked"], list(status)[:4]) == (1, ["high", "normal", "low", "total"])
    controls = (await api.client.get("/api/queue/controls")).json()
    check(controls)
    assert controls["parked"] == {"b3": {"high": 0, "normal": 1, "low": 0}}


@pytest.mark.usefixtures("held")
async def test_by_health_which_a_breaker_and_a_login_degrade_and_a_source_that_complains_does_not(
    api: ApiService, queue: QueueCommands
) -> None:
    await api.heartbeat()
    health = (await api.client.get("/api/jobs/health")).json()
    check(health)
    assert health["status"] == "degraded"
    breaker, login = health["problems"]
    assert breaker.startswith("the breaker of b3 is open until 20")
    assert login == "scraper bcb needs a login, and its jobs wait: site.json is missing"
    await queue.breakers.reset("b3", who="ana", hosts=False)
    await queue.control(login_field("BCB"), "", "session files on h1")
    mended = (await api.client.get("/api/jobs/health")).json()
    assert (mended["status"], mended["problems"], len(mended["slowed"])) == ("healthy", [], 1)


@pytest.mark.usefixtures("held")
async def test_by_the_api_s_scrapers_in_the_list_and_one_by_one(api: ApiService) -> None:
    listed = {one["name"]: one for one in (await api.client.get("/api/scrapers")).json()["scrapers"]}
    b3, bcb, fundamentus = listed["B3"], listed["BCB"], listed["Fundamentus"]
    assert (b3["breaker"]["state"], b3["breaker"]["failures"], b3["parked"]) == ("open", 3, 1)
    assert (bcb["breaker"]["state"], bcb["login"]["why"]) == ("closed", "site.json is missing")
    assert [one["host"] for one in fundamentus["slowed"]] == ["fundamentus.com.br"]
    for name, brief in (("b3", b3), ("bcb", bcb)):
        alone = (await api.client.get(f"/api/scrapers/{name}")).json()
        assert {key: alone[key] for key in ("breaker", "login", "slowed", "paused", "parked")} == {
            key: brief[key] for key in ("breaker", "login", "slowed", "paused", "parked")
        }


async def test_without_redis_the_api_shows_scrapers_all_the_same(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{unused_port()}/0"})
    async with api_service(settings) as _, api_service_without_redis(away) as client:
        (b3,) = [one for one in (await client.get("/api/scrapers")).json()["scrapers"] if one["name"] == "B3"]
    assert [b3[key] for key in ("breaker", "login", "slowed", "paused", "parked")] == [None] * 5


def api_service_without_redis(settings: Settings) -> Any:
    from tests.api_service import serving

    from pregao.api.app import create_app

    return serving(create_app(settings))


@pytest.mark.usefixtures("held")
async def test_by_the_command_s_queue_and_scrapers(pregao: Pregao) -> None:
    for command in (("queue", "status"), ("queue", "controls"), ("scrapers", "list")):
        out = (await pregao(*command)).stdout
        assert [line for line in LINES if line not in out] == [], command
        if command[0] == "queue":
            check(json.loads((await pregao(*command, "--json")).stdout))
    (b3,) = [
        one
        for one in json.loads((await pregao("scrapers", "list", "--json")).stdout)["scrapers"]
        if one["name"] == "B3"
    ]
    assert (b3["breaker"]["state"], b3["parked"]) == ("open", 1)
    shown = (await pregao("scrapers", "show", "b3")).stdout
    assert LINES[0] in shown
    assert LINES[2] not in shown
    assert LINES[3] in (await pregao("scrapers", "show", "fundamentus")).stdout


async def test_the_list_of_scrapers_needs_no_redis_and_says_that_it_does_not_know(pregao: Pregao) -> None:
    done = await pregao("scrapers", "list", "--json", REDIS_URL=f"redis://127.0.0.1:{unused_port()}/0")
    assert {one["breaker"] for one in json.loads(done.stdout)["scrapers"]} == {None}
    told = await pregao("scrapers", "list", REDIS_URL=f"redis://127.0.0.1:{unused_port()}/0")
    assert "note: what is held back is not known: Redis cannot be reached" in told.stderr
    assert "B3" in told.stdout


@pytest.mark.usefixtures("held")
async def test_by_top_in_eighty_columns_and_as_json(pregao: Pregao) -> None:
    frame = json.loads((await pregao("top", "--json")).stdout)
    check(frame["held"])
    assert frame["queue"]["parked"] == {"high": 0, "normal": 1, "low": 0, "total": 1}
    out = (await pregao("top", "--once")).stdout
    for words in (["b3", "breaker", "open", "1"], ["bcb", "needs", "login"], ["fundamentus.com.br", "Retry-After"]):
        assert [line for line in out.splitlines() if line.split()[: len(words)] == words], words


@pytest.mark.usefixtures("held")
async def test_by_the_doctor_with_what_to_do(settings: Settings) -> None:
    seen = await diagnose(settings)
    breaker = seen.the("breakers", "warning", "the breaker of b3 is open until ")
    assert "`pregao jobs failures --scraper b3`" in breaker.cure
    assert "`pregao scrapers reset b3`" in breaker.cure
    assert seen.the("logins", "warning", "scraper bcb needs a login").cure.startswith("log in and write the file anew")
    source = seen.the("sources", "warning", "host fundamentus.com.br asked to be left alone")
    assert "for fundamentus; `pregao scrapers reset fundamentus --hosts` ends it" in source.cure
    assert seen.the("pauses", "ok", "1 jobs are held back")


async def test_by_events_which_say_who_and_why(redis: redis_asyncio.Redis, api: ApiService) -> None:
    now = await api.commands.server_time()
    async with redis.pubsub() as channel:
        await channel.subscribe(Keys().events)
        assert await channel.get_message(timeout=10)  # the confirmation
        await api.commands.breakers.trip("B3", who="ana", why="stale prices", now=now, lasting=None)
        await api.commands.breakers.reset("B3", who="rui", hosts=False)
        await api.record()
        seen = [await channel.get_message(ignore_subscribe_messages=True, timeout=10) for _ in range(2)]
    events = [json.loads(message["data"]) for message in seen if message is not None]
    assert [(one["event"], one["scraper_name"], one["status"], one["who"], one["why"]) for one in events] == [
        ("breaker_opened", "b3", "open", "ana", "stale prices"),
        ("breaker_closed", "b3", "closed", "rui", None),
    ]
    assert events[0].keys() >= {"job_id", "ticker", "success", "timestamp", "event_id"}


@pytest.fixture
async def bounded(queue: QueueCommands) -> list[str]:
    """A disabled one, one at its cap, one at its rate, one at that of its host, and one that a breaker alone holds."""
    rules = {
        "off:scraper:b3": "1", "cap:scraper:bcb": "1", "rate:scraper:fundamentus": "1/3600000",
        "hosts:scraper:opcoes": "a.br", "cap:host:a.br": "1", "cap:scraper:statusinvest": "5",
    }  # fmt: skip
    for name, value in rules.items():
        await queue.control(name, value, "test")
    now = await queue.server_time()
    await queue.breakers.trip("StatusInvest", who="ana", why="stale prices", now=now, lasting=None)
    names = ("B3", "BCB", "Fundamentus", "Opcoes", "StatusInvest")
    running, waiting = [spec(name) for name in names], [spec(name) for name in names]
    await queue.enqueue(running)
    await claim(queue, want=5)
    await queue.enqueue(waiting)
    await claim(queue, want=5)
    return [job.id for job in waiting]


async def test_bounds_that_are_reached_are_told_with_the_jobs_that_wait_for_them(
    pregao: Pregao, bounded: list[str]
) -> None:
    for command in ("status", "controls"):
        lines = (await pregao("queue", command)).stdout.splitlines()
        told = [line for line in lines if line.endswith(("waits", "wait")) or "of scraper" in line]
        assert [line.partition(" until ")[0] for line in told] == [
            "scraper b3 is disabled: 2 jobs wait",
            "scraper bcb is at its limit of 1 at once: 1 job waits",
            "scraper fundamentus is at its rate of 1/h",
            "host a.br is at its limit of 1 at once: 1 job waits of scraper opcoes",
        ], command
    out = (await pregao("top", "--once")).stdout.splitlines()
    rows = [line.split()[:3] for line in out]
    for row in (["b3", "disabled", "2"], ["bcb", "limit", "1"], ["fundamentus", "rate", "1"], ["opcoes", "limit", "1"]):
        assert row in rows
    assert [row[1] for row in rows if row[:1] == ["statusinvest"]] == ["breaker"]


async def test_a_job_that_waits_says_why(api: ApiService, pregao: Pregao, bounded: list[str]) -> None:
    held = [(await api.client.get(f"/api/jobs/{job}")).json()["held"] for job in bounded]

    assert held[0] == ["scraper b3 is disabled"]
    assert held[1] == ["scraper bcb is at its limit of 1 at once"]
    assert held[2][0].startswith("scraper fundamentus is at its rate of 1/h until 20")
    assert held[3] == ["host a.br is at its limit of 1 at once"]
    assert held[4][0].startswith("the breaker of statusinvest is open until somebody resets it: stale prices (ana, ")
    assert "scraper bcb is at its limit of 1 at once" in (await pregao("jobs", "show", bounded[1])).stdout


async def test_a_job_says_who_paused_or_disabled_its_scraper(
    queue: QueueCommands, api: ApiService, pregao: Pregao
) -> None:
    free, paused, off = spec("B3"), spec("BCB"), spec("Fundamentus")
    await queue.enqueue([free, paused, off])
    await pregao("queue", "pause", "--scraper", "bcb", "--why", "month end", "--by", "ana")
    await pregao("scrapers", "set", "fundamentus", "enabled=false", "--by", "bea")
    await queue.control("off:scraper:fundamentus", "1", "bea")

    held = [json.loads((await pregao("jobs", "show", job.id, "--json")).stdout)["held"] for job in (free, paused, off)]

    assert held[0] is None
    assert held[1][0].startswith("scraper bcb is paused until somebody resumes it: month end (ana, ")
    assert held[2][0].startswith("scraper fundamentus is disabled, by bea, 20")
    shown = (await api.client.get(f"/api/jobs/{free.id}")).json()
    assert shown["held"] is None
