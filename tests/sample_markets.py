"""Sample markets for tests: at a moment of one's choice, asked directly or over HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from pregao.domain.clock import MARKET_ZONE, Clock, ManualClock
from pregao.sample_market.access import KEYS, addresses
from pregao.sample_market.answer import Answer, Asked
from pregao.sample_market.server import SampleMarket, serve
from pregao.settings import Settings

IN_SESSION = "2026-10-05T14:30:20"
"""A Monday."""
EVENING = "2026-10-05T21:00:00"
SATURDAY = "2026-10-03T12:00:00"
HOLIDAY = "2026-10-12T14:30:00"
MOMENTS = (IN_SESSION, EVENING, SATURDAY, HOLIDAY)


def clock_at(local: str) -> ManualClock:
    """A clock that stands still at a local time of São Paulo."""
    return ManualClock(datetime.fromisoformat(local).replace(tzinfo=MARKET_ZONE))


def sample_at(local: str = IN_SESSION, seed: int = 1, *, calm: bool = True) -> SampleMarket:
    """A sample market at a local time of São Paulo."""
    return SampleMarket(seed, clock_at(local), calm=calm)


def asked_of(
    sample: SampleMarket,
    source: str,
    path: str,
    query: Mapping[str, str] | None = None,
    *,
    document: object = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """What a source answers; with a document to a POST."""
    body = b"" if document is None else orjson.dumps(document)
    method = "GET" if document is None else "POST"
    return sample.answer(source, Asked(path, dict(query or {}), dict(headers or {}), body, method))


def document_of(answer: Answer) -> Any:
    """The JSON in an answer."""
    return orjson.loads(answer.body)


@contextmanager
def sample_server(clock: Clock, seed: int = 1, *, calm: bool = True) -> Iterator[str]:
    """Serve a sample market over HTTP from a thread; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        loop, stop = asyncio.new_event_loop(), asyncio.Event()
        sample = SampleMarket(seed, clock, calm=calm)
        thread = threading.Thread(target=lambda: loop.run_until_complete(serve(sample, listening, stop)))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()


def settings_for(origin: str, home: Path, **environ: str) -> Settings:
    """Settings whose sources are all at a sample server."""
    return Settings.load(None, environ={**addresses(origin), **KEYS, **environ}, pregao_home=home)
