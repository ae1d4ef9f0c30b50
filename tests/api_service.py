"""The API in this process, over its real HTTP interface, beside the queue and the recorder that a test drives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import msgspec
import redis.asyncio as redis_async
from fastapi import FastAPI
from tests.running_jobs import claim, complete, fail

from pregao.api.app import create_app
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.facts import AttemptReport
from pregao.queue.keys import Keys
from pregao.queue.messages import Settlement
from pregao.queue.views import SchedulerFacts, WorkerFacts
from pregao.settings import Settings
from pregao.store.pool import open_pool
from pregao.store.recorder import Recorder

WORKER = WorkerFacts(id="worker-1", host="here", pid=1, slots=3, running=1, scrapers=["Far Prices"])


@dataclass
class ApiService:
    """A client of the API, and both ends of the queue behind it."""

    client: httpx.AsyncClient
    redis: redis_async.Redis
    commands: QueueCommands
    pool: asyncpg.Pool
    recorder: Recorder

    async def create(self, scraper_name: str = "B3", ticker: str | None = "PETR4", **body: Any) -> dict[str, Any]:
        """Create a job through the API; the answer's body."""
        answer = await self.client.post(
            "/api/jobs/create", json={"scraper_name": scraper_name, "ticker": ticker, **body}
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def get(self, path: str, **query: Any) -> Any:
        """GET below /api/jobs; the body of a 200."""
        answer = await self.client.get(f"/api/jobs{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def listed(self, **query: Any) -> list[str]:
        """The ids of a page."""
        page = await self.get("/list", **query)
        return [job["id"] for job in page["jobs"]]

    async def run(self, job_id: str) -> None:
        """Claim one job and leave it running."""
        assert await claim(self.commands, job_id=job_id)

    async def complete(self, job_id: str, result: object = None, **report: Any) -> None:
        """Claim one job and complete it."""
        [held] = await claim(self.commands, job_id=job_id)
        await complete(self.commands, held, result, **report)

    async def fail(self, job_id: str, **report: Any) -> None:
        """Claim one job and fail it, for good or, with `retryable=True`, until its retry."""
        [held] = await claim(self.commands, job_id=job_id)
        await fail(self.commands, held, **report)

    async def fail_for_now(self, job_id: str, *, delay_ms: int) -> None:
        """Claim one job and send it to wait for its retry."""
        [held] = await claim(self.commands, job_id=job_id)
        report = AttemptReport(error="it broke", error_class="error")
        await self.commands.settle(
            [Settlement(claim=held, completed=False, report=report, retryable=True, delay_ms=delay_ms)]
        )

    async def record(self) -> None:
        """Bring PostgreSQL up to date."""
        while await self.recorder.step():
            pass

    async def heartbeat(self, worker: WorkerFacts = WORKER) -> None:
        """What a live worker, and a scheduler beside it, leave in Redis."""
        await self.commands.beat(SchedulerFacts(id="scheduler-1", schedules=15))
        seconds, _ = await self.redis.time()
        value = str(seconds * 1000).encode() + b"|" + msgspec.json.encode(worker)
        await self.redis.hset(Keys().workers, worker.id, value)  # type: ignore[misc]


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose lifespan runs."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://pregao.test") as client:
            yield client


@asynccontextmanager
async def api_service(settings: Settings) -> AsyncIterator[ApiService]:
    """Everything for one test, on the engines of its settings."""
    redis = open_redis(settings.resolve_redis_url())
    pool = await open_pool(settings.resolve_database_url())
    try:
        async with serving(create_app(settings)) as client:
            yield ApiService(client, redis, QueueCommands(redis), pool, Recorder(redis, pool))
    finally:
        await pool.close()
        await redis.aclose()
