"""Pregão's own application: the job router, the documentation at /docs, and problems for everything else."""

from __future__ import annotations

import ipaddress
import socket

import uvicorn
from fastapi import FastAPI, Request, Response
from loguru import logger
from starlette.exceptions import HTTPException

from pregao.api.jobs import job_router
from pregao.api.problems import answer_error
from pregao.domain.errors import InvalidInput
from pregao.settings import Settings

BACKLOG = 512


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


async def serve(settings: Settings) -> None:
    """Serve the API until SIGINT or SIGTERM. Raises InvalidInput as `bind` does."""
    listener = bind(settings)
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, int(settings.grace_seconds)),
    )
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    logger.info("API on http://{}:{}, documented at /docs", shown, port)
    try:
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        listener.close()


def bind(settings: Settings) -> socket.socket:
    """The listening socket at API_HOST and API_PORT.

    Raises InvalidInput when the port is taken, the host is not this machine's, or when it is open to others: without
    keys, whoever reaches the API may run jobs.
    """
    host, port = settings.api_host, settings.api_port
    if not (_is_loopback(host) or settings.allow_open_api):
        raise InvalidInput(
            "API_HOST", host, "would open the API to other machines, and it has no keys",
            "use 127.0.0.1 behind a proxy that asks who is there, or set PREGAO_ALLOW_OPEN_API=1",
        )  # fmt: skip
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise InvalidInput("API_HOST", host, f"is not a known host ({error})", "use 127.0.0.1") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidInput(
            "API_PORT", port, f"cannot be used on {host} ({error.strerror or error})",
            "stop what listens there, or set API_PORT to a free port",
        ) from None  # fmt: skip
    listener.setblocking(False)
    return listener


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
