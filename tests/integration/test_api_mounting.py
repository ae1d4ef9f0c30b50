"""The router in other applications, and the application around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from tests.api_service import serving
from tests.builders import eventually

from pregao.api.app import create_app, serve
from pregao.api.jobs import job_router, router
from pregao.domain.errors import InvalidInput
from pregao.settings import Settings
from pregao.system.preflight import check_api_port

NINE = {
    "post /api/jobs/create",
    "get /api/jobs/list",
    "get /api/jobs/health",
    "get /api/jobs/queue/status",
    "get /api/jobs/stats/summary",
    "get /api/jobs/stats/by-scraper",
    "get /api/jobs/{job_id}",
    "delete /api/jobs/{job_id}",
    "post /api/jobs/{job_id}/retry",
}


QUEUE = {
    "get /api/queue/controls",
    "get /api/queue/audit",
    "post /api/queue/pause",
    "post /api/queue/resume",
    "put /api/queue/cap",
    "put /api/queue/fair",
}
LIMITS = {
    "get /api/scrapers",
    "get /api/scrapers/{name}",
    "patch /api/scrapers/{name}",
    "post /api/scrapers/{name}/trip",
    "post /api/scrapers/{name}/reset",
    "get /api/audit",
    "get /api/jobs/failures",
}
SCHEDULES = {
    "get /api/schedules",
    "get /api/schedules/{name}",
    "post /api/schedules/{name}/run",
}


async def test_the_router_mounts_in_another_application_with_settings_of_its_own(settings: Settings) -> None:
    app = FastAPI()
    app.include_router(job_router(settings))
    async with serving(app) as client:
        created = await client.post("/api/jobs/create", json={"scraper_name": "B3", "ticker": "PETR4"})
        assert created.status_code == 201
        shown = (await client.get(f"/api/jobs/{created.json()['id']}")).json()
        assert shown == {**created.json(), "held": None, "result_metadata": None}


async def test_the_plain_router_reads_its_settings_from_the_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", settings.resolve_redis_url())
    monkeypatch.setenv("DATABASE_URL", settings.resolve_database_url())
    app = FastAPI()
    app.include_router(router)
    async with serving(app) as client:
        assert (await client.get("/api/jobs/queue/status")).status_code == 200


async def test_a_mounted_router_answers_its_errors_as_problems(settings: Settings) -> None:
    app = FastAPI()
    app.include_router(job_router(settings))
    async with serving(app) as client:
        answer = await client.post("/api/jobs/create", json={"scraper_name": "B3", "ticker": ""})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_the_router_opens_with_the_first_request_where_no_lifespan_runs(settings: Settings) -> None:
    inner, outer = FastAPI(), FastAPI()
    inner.include_router(job_router(settings))
    outer.mount("/inner", inner)
    async with serving(outer) as client:
        assert (await client.get("/inner/api/jobs/queue/status")).status_code == 200


async def test_the_application_s_own_lifespan_and_other_routes_are_left_alone(settings: Settings) -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        seen.append("start")
        yield
        seen.append("stop")

    app = FastAPI(lifespan=lifespan)
    app.include_router(job_router(settings))

    @app.get("/own")
    async def own() -> str:
        return "mine"

    async with serving(app) as client:
        assert (await client.get("/own")).json() == "mine"
        assert (await client.get("/nowhere")).json() == {"detail": "Not Found"}
    assert seen == ["start", "stop"]


async def test_openapi_describes_the_nine_endpoints_and_docs_shows_them(settings: Settings) -> None:
    async with serving(create_app(settings)) as client:
        document = (await client.get("/openapi.json")).json()
        page = await client.get("/docs")
    operations = {f"{method} {path}" for path, methods in document["paths"].items() for method in methods}
    assert (
        operations
        == NINE | {"patch /api/jobs/{job_id}", "get /api/jobs/{job_id}/attempts"} | SCHEDULES | QUEUE | LIMITS
    )
    assert document["openapi"].startswith("3.1")
    assert (page.status_code, "openapi.json" in page.text) == (200, True)


async def test_no_endpoint_shadows_another(settings: Settings) -> None:
    async with serving(create_app(settings)) as client:
        keys = {
            path: set((await client.get(f"/api/jobs/{path}")).json())
            for path in ("list", "health", "queue/status", "stats/summary", "stats/by-scraper", "failures")
        }
    assert "jobs" in keys["list"]
    assert "components" in keys["health"]
    assert "high" in keys["queue/status"]
    assert "success_rate" in keys["stats/summary"]
    assert "scrapers" in keys["stats/by-scraper"]


async def test_unknown_paths_and_methods_are_problems_in_our_own_application(settings: Settings) -> None:
    async with serving(create_app(settings)) as client:
        for method, path, status in (("GET", "/nowhere", 404), ("PUT", "/api/jobs/list", 405)):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_no_other_origin_may_read_the_answers(settings: Settings) -> None:
    async with serving(create_app(settings)) as client:
        answer = await client.get("/api/jobs/queue/status", headers={"Origin": "http://elsewhere.test"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_api_serves_on_its_port_until_it_is_stopped(settings: Settings, unused_tcp_port: int) -> None:
    mine = settings.model_copy(update={"api_port": unused_tcp_port})
    stop = asyncio.Event()

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient() as client:
                url = f"http://127.0.0.1:{unused_tcp_port}/api/jobs/queue/status"
                return (await client.get(url)).status_code == 200
        except httpx.TransportError:
            return False

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(mine, stop))
        await eventually(answers)
        with pytest.raises(InvalidInput, match="API_PORT"):
            check_api_port(mine)
        stop.set()
    assert not await answers()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_without_keys_the_api_does_not_open_to_other_machines(settings: Settings, host: str) -> None:
    with pytest.raises(InvalidInput, match="PREGAO_ALLOW_OPEN_API"):
        check_api_port(settings.model_copy(update={"api_host": host}))


def test_the_api_opens_to_other_machines_when_told_so(settings: Settings, unused_tcp_port: int) -> None:
    told = {"api_host": "0.0.0.0", "api_port": unused_tcp_port, "allow_open_api": True}
    check_api_port(settings.model_copy(update=told))
