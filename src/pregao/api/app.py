"""Pregão's own application: all routers, the documentation at /docs, and problems for everything else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from loguru import logger
from starlette.exceptions import HTTPException

from pregao.api import jobs, queue, schedules, scrapers
from pregao.api.door import Door, behind
from pregao.api.problems import answer_error
from pregao.domain.errors import PregaoError, QueueUnavailable
from pregao.queue.connection import check_server, open_redis
from pregao.settings import Settings
from pregao.system.preflight import check_api_port


def create_app(settings: Settings) -> FastAPI:
    """The application. Its connections open when it starts; Redis and PostgreSQL may be down then."""
    app = FastAPI(
        title="Pregão",
        summary="Jobs and schedules for scrapers of the Brazilian stock market.",
        version="1",
        docs_url="/docs",
        redoc_url=None,
    )
    app.include_router(behind(Door(settings), jobs.routes, schedules.routes, queue.routes, scrapers.routes))
    app.add_exception_handler(HTTPException, _answer)
    app.add_exception_handler(Exception, _answer)
    return app


async def _answer(request: Request, error: Exception) -> Response:
    return answer_error(request, error)


class _Server(uvicorn.Server):
    """Uvicorn that leaves the signals to the process that runs it, and says where it serves once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the door."""
        await super().startup(sockets)
        if self.started:
            host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
            logger.info("API on http://{}:{}, documented at /docs", host, self.config.port)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _check_redis(settings: Settings) -> None:
    """Raises UnsafeServer; a Redis that is away may come later."""
    redis = open_redis(settings.resolve_redis_url(), retries=0)
    try:
        await check_server(redis, settings.key_prefix)
    except QueueUnavailable as error:
        logger.warning("{}; going on without it for now", error)
    finally:
        await redis.aclose()


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the API until `stop` is set; requests that run may then finish within the grace period.

    Raises InvalidInput as `check_api_port` does, and PregaoError when the application does not start.
    """
    check_api_port(settings)
    await _check_redis(settings)
    server = _Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.api_host,
            port=settings.api_port,
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, int(settings.grace_seconds)),
        )
    )
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve())
        stopping = group.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        stopping.cancel()
    if not server.started:
        raise PregaoError("the API did not start; the reason is in the log above")
