"""Pregão's own application: the job router, the documentation at /docs, and problems for everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from loguru import logger
from starlette.exceptions import HTTPException

from pregao.api.jobs import job_router
from pregao.api.problems import answer_error
from pregao.domain.errors import PregaoError
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
    app.include_router(job_router(settings))
    app.add_exception_handler(HTTPException, _answer)
    app.add_exception_handler(Exception, _answer)
    return app


async def _answer(request: Request, error: Exception) -> Response:
    return answer_error(request, error)


class _Server(uvicorn.Server):
    """Uvicorn that leaves the signals to the process that runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the API until `stop` is set; requests that run may then finish within the grace period.

    Raises InvalidInput as `check_api_port` does, and PregaoError when the application does not start.
    """
    check_api_port(settings)
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
    host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
    logger.info("API on http://{}:{}, documented at /docs", host, settings.api_port)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve())
        stopping = group.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        stopping.cancel()
    if not server.started:
        raise PregaoError("the API did not start; the reason is in the log above")
