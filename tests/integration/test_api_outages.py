"""The API while Redis or PostgreSQL is away or full: 503 with Retry-After, nothing internal, and what still works."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.api_service import ApiService, api_service

from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.settings import Settings
from pregao.store.migrations import migrate

REQUESTS = [
    ("POST", "/create"),
    ("GET", "/list"),
    ("GET", "/queue/status"),
    ("GET", f"/{uuid.uuid4()}"),
    ("DELETE", f"/{uuid.uuid4()}"),
    ("POST", f"/{uuid.uuid4()}/retry"),
]


def settings_for(home: Path, redis_url: str, database_url: str) -> Settings:
    environ = {"REDIS_URL": redis_url, "DATABASE_URL": database_url}
    return Settings.load(None, environ=environ, pregao_home=home / "home")


@pytest.fixture
async def over_own_redis(
    valkey_server: Valkey, database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[ApiService, Valkey]]:
    async with api_service(settings_for(tmp_path, valkey_server.url, database_url)) as api:
        yield api, valkey_server


@pytest.fixture
async def over_own_postgres(
    postgres_server: Postgres, redis_url: str, tmp_path: Path
) -> AsyncIterator[tuple[ApiService, Postgres]]:
    await migrate(postgres_server.private_url)
    async with api_service(settings_for(tmp_path, redis_url, postgres_server.private_url)) as api:
        yield api, postgres_server


def check_unavailable(answer: httpx.Response, *secrets: str) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    for secret in ("Traceback", "Error ", "SELECT", *secrets):
        assert secret not in answer.text


async def test_without_redis_everything_answers_503_and_works_again_when_it_is_back(
    over_own_redis: tuple[ApiService, Valkey],
) -> None:
    api, server = over_own_redis
    job = await api.create()
    server.kill()
    for method, path in REQUESTS:
        body = {"scraper_name": "B3"} if path == "/create" else None
        check_unavailable(await api.client.request(method, f"/api/jobs{path}", json=body), str(server.url))
    health = await api.client.get("/api/jobs/health")
    assert (health.status_code, health.json()["redis"], health.json()["database"]) == (503, "unhealthy", "healthy")
    assert health.json()["queue"] is None
    assert (await api.get("/stats/summary"))["total_jobs"] == 0
    server.start()
    assert (await api.get(f"/{job['id']}"))["status"] == "pending"


async def test_the_api_starts_without_redis_and_postgresql(tmp_path: Path, unused_tcp_port: int) -> None:
    nowhere = f"127.0.0.1:{unused_tcp_port}"
    settings = settings_for(tmp_path, f"redis://{nowhere}/0", f"postgresql://postgres@{nowhere}/postgres")
    async with api_service(settings) as api:
        check_unavailable(await api.client.get("/api/jobs/queue/status"), nowhere)
        check_unavailable(await api.client.get("/api/jobs/stats/summary"), nowhere)
        assert (await api.client.get("/api/jobs/health")).json()["status"] == "unhealthy"


async def test_a_full_redis_refuses_new_jobs_and_still_answers_and_cancels(api_full: ApiService) -> None:
    job = await api_full.create()
    await api_full.redis.config_set("maxmemory", "1")
    answer = await api_full.client.post("/api/jobs/create", json={"scraper_name": "B3"})
    check_unavailable(answer)
    assert answer.json()["type"].endswith("queue-full")
    assert (await api_full.get(f"/{job['id']}"))["status"] == "pending"
    assert (await api_full.client.delete(f"/api/jobs/{job['id']}")).status_code == 200


@pytest.fixture
async def api_full(over_own_redis: tuple[ApiService, Valkey]) -> ApiService:
    return over_own_redis[0]


async def test_without_postgresql_lists_and_statistics_answer_503_and_the_rest_works(
    over_own_postgres: tuple[ApiService, Postgres],
) -> None:
    api, server = over_own_postgres
    await api.heartbeat()
    assert await api.listed() == []
    server.kill()
    for path in ("/list", "/stats/summary", "/stats/by-scraper", f"/{uuid.uuid4()}"):
        check_unavailable(await api.client.get(f"/api/jobs{path}"), "127.0.0.1", str(server.private_url))
    job = await api.create()
    await api.fail(job["id"])
    assert (await api.get(f"/{job['id']}"))["status"] == "failed"
    successor = await api.client.post(f"/api/jobs/{job['id']}/retry")
    assert successor.status_code == 201
    assert (await api.client.delete(f"/api/jobs/{successor.json()['id']}")).status_code == 200
    health = await api.get("/health")
    assert (health["status"], health["database"]) == ("degraded", "unhealthy")
    server.start()
    await api.record()
    assert len(await api.listed()) == 2


async def test_without_postgresql_a_large_result_is_shown_from_redis(
    over_own_postgres: tuple[ApiService, Postgres],
) -> None:
    api, server = over_own_postgres
    server.kill()
    job = await api.create()
    await api.complete(job["id"], ["x" * 50_000])
    shown = await api.get(f"/{job['id']}")
    assert (shown["result"], shown["result_metadata"]) == (["x" * 50_000], None)


async def test_without_postgresql_an_emptied_redis_takes_jobs_again(
    over_own_postgres: tuple[ApiService, Postgres],
) -> None:
    api, server = over_own_postgres
    server.kill()
    await api.redis.flushall()
    job = await api.create()
    assert (await api.get(f"/{job['id']}"))["status"] == "pending"


async def test_an_unforeseen_error_answers_500_with_a_reference_and_nothing_else(
    over_own_redis: tuple[ApiService, Valkey],
) -> None:
    api, _ = over_own_redis
    job = await api.create()
    await api.redis.delete(f"scraper:job:{job['id']}:meta")
    await api.redis.rpush(f"scraper:job:{job['id']}:meta", "no hash")  # type: ignore[misc]
    answer = await api.client.get(f"/api/jobs/{job['id']}")
    assert answer.status_code == 500
    assert answer.json()["reference"] in answer.json()["detail"]
    assert set(answer.json()) == {"type", "title", "status", "detail", "reference"}
