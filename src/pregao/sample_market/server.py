"""The sample market over HTTP: every source behind a path prefix of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvicorn
from loguru import logger
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pregao.domain.clock import Clock
from pregao.sample_market.answer import NOT_HERE, Answer, Answers, Asked
from pregao.sample_market.draws import Draws
from pregao.sample_market.faults import Faults, Latency
from pregao.sample_market.market import Market
from pregao.sample_market.sources import (
    b3,
    bcb,
    bloomberg,
    chatgpt,
    coinmarketcap,
    fundamentus,
    gemini,
    googlenews,
    investidor10,
    investing,
    opcoes,
    statusinvest,
    tradingview,
    valor,
)

SOURCES: Mapping[str, Answers] = {
    "b3": b3.answer,
    "bcb": bcb.answer,
    "bloomberg": bloomberg.answer,
    "chatgpt": chatgpt.answer,
    "coinmarketcap": coinmarketcap.answer,
    "fundamentus": fundamentus.answer,
    "gemini": gemini.answer,
    "googlenews": googlenews.answer,
    "investidor10": investidor10.answer,
    "investing": investing.answer,
    "opcoes": opcoes.answer,
    "statusinvest": statusinvest.answer,
    "tradingview": tradingview.answer,
    "valor": valor.answer,
}
"""By path prefix: all of `access.NAMES`."""
SMALLEST_COMPRESSED = 1_000
KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep a connection: one that closes as a question comes would lose it."""


class SampleMarket:
    """One sample market that answers requests. `calm` leaves out latency and faults."""

    def __init__(self, seed: int, clock: Clock, *, calm: bool = False) -> None:
        self.market = Market(seed, clock)
        draws = Draws(seed)
        self._faults = None if calm else Faults(draws, clock)
        self._latency = None if calm else Latency(draws)

    def app(self) -> Starlette:
        """The ASGI application."""
        app = Starlette(
            routes=[Route("/{source}/{path:path}", self._respond, methods=["GET", "POST"])],
            middleware=[Middleware(GZipMiddleware, minimum_size=SMALLEST_COMPRESSED)],
        )
        app.router.redirect_slashes = False
        return app

    def answer(self, source: str, asked: Asked) -> Answer:
        """What a source answers when all goes well; 404 for an address that it, or the sample, does not have."""
        answers = SOURCES.get(source)
        return (answers(self.market, asked) if answers is not None else None) or NOT_HERE

    async def _respond(self, request: Request) -> Response:
        source = request.path_params["source"]
        asked = Asked(
            path=f"/{request.path_params['path']}",
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
            method=request.method,
        )
        if self._latency is not None:
            await asyncio.sleep(self._latency.seconds(source))
        fault = None if self._faults is None else self._faults.of(source, (asked.path, request.url.query, asked.body))
        if fault is not None:
            logger.info("{} answers {} to {} on purpose", source, fault.status, asked.path)
        answer = fault or self.answer(source, asked)
        headers = {**answer.headers, "Content-Type": answer.content_type, "X-Sample-Data": "true"}
        return Response(answer.body, answer.status, headers)


class _Server(uvicorn.Server):
    """Uvicorn that leaves the signals to the process that runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(sample: SampleMarket, listening: socket.socket, stop: asyncio.Event) -> None:
    """Answer on `listening` until `stop` is set; then at once no more."""
    config = uvicorn.Config(
        sample.app(), http="httptools", log_config=None, access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=1, timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )  # fmt: skip
    server = _Server(config)
    host, port = listening.getsockname()[:2]
    logger.info("SAMPLE DATA for {} sources on http://{}:{}", len(SOURCES), host, port)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[listening]))
        await stop.wait()
        server.should_exit = True
        await serving
