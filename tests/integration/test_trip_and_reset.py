"""A breaker in the hands of people: `pregao scrapers trip` and `reset`, the same through the API, and a real worker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.api_service import ApiService, api_service
from tests.builders import eventually, spec
from tests.running_system import Pregao, pregao_on, unused_port
from tests.working import SettingsMaker, ended, open_gate, working

from pregao.domain.clock import SystemClock
from pregao.domain.job import JobStatus
from pregao.queue.breakers import breaker_field
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews
from pregao.settings import Settings


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[ApiService]:
    async with api_service(settings) as service:
        yield service


@pytest.fixture
def pregao(settings: Settings) -> Pregao:
    return pregao_on(settings, "scrapers")


async def post(api: ApiService, path: str, **body: Any) -> tuple[int, Any]:
    answer = await api.client.post(f"/api/scrapers/{path}", json=body)
    return answer.status_code, answer.json()


async def test_the_api_trips_and_resets_by_any_spelling_and_answers_the_scraper(api: ApiService) -> None:
    status, b3 = await post(api, "b3/trip", why="stale prices", who="ana", **{"for": "30m"})
    assert (status, b3["name"], b3["breaker"]["state"]) == (200, "B3", "open")
    assert (b3["breaker"]["who"], b3["breaker"]["why"]) == ("ana", "stale prices")
    since, until = (datetime.fromisoformat(b3["breaker"][key]) for key in ("since", "until"))
    assert until - since == timedelta(minutes=30)
    status, b3 = await post(api, "B3/reset", who="rui")
    assert (status, b3["breaker"]["state"], b3["breaker"]["failures"]) == (200, "closed", 0)


async def test_the_api_trips_without_an_end_and_resets_without_a_body(api: ApiService) -> None:
    _, b3 = await post(api, "B3/trip", why="x")
    assert (b3["breaker"]["until"], b3["breaker"]["who"]) == (None, "api")
    answer = await api.client.post("/api/scrapers/B3/reset")
    assert (answer.status_code, answer.json()["breaker"]["state"]) == (200, "closed")


async def test_both_are_in_the_audit_trail_with_who_before_and_after(api: ApiService) -> None:
    await post(api, "B3/trip", why="stale prices", who="ana")
    await post(api, "B3/reset", who="rui")
    await api.record()
    reset, tripped = (await api.client.get("/api/audit", params={"scraper_name": "b3"})).json()["changes"]
    assert [(one["who"], one["what"]) for one in (tripped, reset)] == [
        ("ana", breaker_field("B3")),
        ("rui", breaker_field("B3")),
    ]
    assert (tripped["before"], reset["after"]) == (None, None)
    assert reset["before"] == tripped["after"]
    assert json.loads(tripped["after"]["told"])["error"] == "stale prices"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("B3/trip", {}, "why"),
        ("B3/trip", {"why": ""}, "why"),
        ("B3/trip", {"why": "x", "for": "soon"}, "for"),
        ("B3/trip", {"why": "x", "for": "0m"}, "for"),
        ("B3/trip", {"why": "x", "for": -5}, "for"),
        ("B3/trip", {"why": "x", "until": "2030-01-01T00:00:00Z"}, "until"),
        ("B3/reset", {"hosts": "all"}, "hosts"),
    ],
)
async def test_the_api_names_what_is_wrong(api: ApiService, path: str, body: dict[str, Any], field: str) -> None:
    status, problem = await post(api, path, **body)
    assert (status, problem["errors"][0]["field"]) == (422, field)
    assert problem["errors"][0]["fix"]
    assert (await api.commands.control_fields()) == {}


@pytest.mark.parametrize("verb", ["trip", "reset"])
async def test_the_api_suggests_names_for_an_unknown_scraper(api: ApiService, verb: str) -> None:
    status, problem = await post(api, f"Fundamentos/{verb}", **({"why": "x"} if verb == "trip" else {}))
    assert (status, problem["suggestions"]) == (404, ["Fundamentus"])


@pytest.mark.parametrize("verb", ["trip", "reset"])
async def test_the_api_answers_503_while_redis_is_away(settings: Settings, verb: str) -> None:
    away = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{unused_port()}/0"})
    from tests.api_service import serving

    from pregao.api.app import create_app

    async with serving(create_app(away)) as client:
        answer = await client.post(f"/api/scrapers/B3/{verb}", json={"why": "x"} if verb == "trip" else {})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:pregao:problem:queue-unavailable")


async def test_a_breaker_that_outlived_its_scraper_is_listed_and_can_be_reset(api: ApiService) -> None:
    now = await api.commands.server_time()
    await api.commands.breakers.trip("Gone Prices", who="ana", why="x", now=now, lasting=None)
    listed = (await api.client.get("/api/scrapers")).json()["scrapers"]
    (gone,) = [one for one in listed if one["name"] == "goneprices"]
    assert (gone["installed"], gone["breaker"]["state"]) == (False, "open")
    status, gone = await post(api, "Gone Prices/reset")
    assert (status, gone["breaker"]["state"]) == (200, "closed")
    assert (await post(api, "Gone Prices/reset"))[0] == 404


async def test_a_real_worker_parks_what_is_tripped_and_runs_it_at_once_after_a_reset(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    await queue.breakers.trip("Echo", who="ana", why="x", now=await queue.server_time(), lasting=None)
    held, other = spec("Echo", "held"), spec("Gated", "other")
    async with working(make_settings(), slots=1):
        await queue.enqueue([held, other])
        open_gate()
        await ended(views, other, JobStatus.COMPLETED)
        assert await views.status(held.id) is JobStatus.PENDING
        await queue.breakers.reset("Echo", who="ana", hosts=False)
        await ended(views, held, JobStatus.COMPLETED)


async def test_the_jobs_of_a_scraper_whose_session_file_is_missing_wait_until_it_is_there(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, tmp_path: Path
) -> None:
    settings, cookies = make_settings(), tmp_path / "site.json"
    Path(settings.scrapers_file).write_text(f"scrapers: {{Echo: {{session_files: ['{cookies}']}}}}")

    async def needs_login() -> str | None:
        hold = (await views.gates()).logins.get("echo")
        return hold and hold.why

    async with working(settings):
        assert await eventually(needs_login) == f"{cookies} is missing"
        held, other = spec("Echo", "held"), spec("Gated", "other")
        await queue.enqueue([held, other])
        open_gate()
        await ended(views, other, JobStatus.COMPLETED)
        assert await views.status(held.id) is JobStatus.PENDING
        await queue.breakers.reset("Echo", who="ana", hosts=True)
        assert await needs_login(), "a reset logs nobody in"
        cookies.write_text('[{"name": "session", "value": "x"}]')
        await ended(views, held, JobStatus.COMPLETED)
    assert await needs_login() is None


async def test_the_command_trips_shows_and_resets(pregao: Pregao, queue: QueueCommands) -> None:
    out = (await pregao("trip", "b3", "--why", "stale prices", "--for", "30m", "--by", "ana")).stdout
    assert out.startswith("the breaker of b3 is open until 2")
    assert "stale prices (ana, " in out
    assert (await queue.control_fields()).keys() == {breaker_field("B3")}
    assert "stale prices (ana, " in (await pregao("show", "B3")).stdout
    assert (await pregao("reset", "B3", "--by", "rui")).stdout == "B3: the breaker was open and is closed now\n"
    assert await queue.control_fields() == {}
    again = await pregao("reset", "B3")
    assert (again.stdout, "note: B3: its breaker is closed, and nothing is held against it" in again.stderr) == (
        "",
        True,
    )


async def test_the_command_tells_what_a_reset_forgot_and_what_still_holds(pregao: Pregao, queue: QueueCommands) -> None:
    until = round(SystemClock().now().timestamp() * 1000) + 3_600_000
    redis = queue._redis
    await queue.control("hosts:scraper:b3", "b3.com.br", "test")
    await redis.hset(queue.keys.failures, "b3", "timeout 4")  # type: ignore[misc]
    await redis.hset(queue.keys.holds, mapping={"host:b3.com.br": until, "scraper:b3": until})  # type: ignore[misc]
    done = await pregao("reset", "B3")
    assert done.stdout.splitlines()[:2] == [
        "B3: forgot 4 failures in a row of class timeout",
        "B3: scraper b3 is asked again, at full speed",
    ]
    assert done.stdout.splitlines()[2].startswith("host b3.com.br asked to be left alone until ")
    assert (await pregao("reset", "B3", "--hosts")).stdout == "B3: host b3.com.br is asked again, at full speed\n"


async def test_the_command_answers_json_as_the_api_does(pregao: Pregao, api: ApiService) -> None:
    tripped = json.loads((await pregao("trip", "B3", "--why", "x", "--json")).stdout)
    assert tripped == (await api.client.get("/api/scrapers/B3")).json()
    assert tripped["breaker"]["until"] is None
    assert json.loads((await pregao("reset", "B3", "--json")).stdout)["breaker"]["state"] == "closed"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("trip", "Fundamentos", "--why", "x"), 1, "did you mean Fundamentus?"),
        (("reset", "Fundamentos"), 1, "did you mean Fundamentus?"),
        (
            ("trip", "B3", "--why", "x", "--for", "soon"),
            2,
            "for: 'soon' is not a period; use a number and m, h, d or w",
        ),
        (("trip", "B3", "--why", " "), 2, "say why: somebody will wonder"),
        (("trip", "B3"), 2, "--why"),
    ],
)
async def test_the_command_says_what_is_wrong(pregao: Pregao, arguments: tuple[str, ...], code: int, told: str) -> None:
    assert told in (await pregao(*arguments, code=code)).stderr
