"""Small builders that several tests share."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import redis.asyncio as redis_asyncio

from pregao.domain.job import JobPriority, JobSpec

T = TypeVar("T")


def spec(scraper_name: str = "B3", ticker: str | None = "PETR4", **changes: Any) -> JobSpec:
    """A request with sensible values, changed where a test cares."""
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "scraper_name": scraper_name,
        "ticker": ticker,
        "priority": JobPriority.NORMAL,
        "created_at": datetime.now(UTC),
    }
    return JobSpec(**{**values, **changes})


async def eventually(
    ask: Callable[[], Awaitable[T]], accept: Callable[[T], bool] = bool, *, seconds: float = 20.0, what: str = ""
) -> T:
    """Ask until the answer is accepted; fail with the last answer at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await ask()
        if accept(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or 'it'} did not happen within {seconds} s; last answer: {answer!r}")
        await asyncio.sleep(0.02)


async def written_to_file(redis: redis_asyncio.Redis) -> None:
    """Wait until what the server has acknowledged is in its append-only file, so that killing it loses nothing.

    With `appendfsync everysec` it acknowledges before it writes while a slow fsync is under way (aof.c, "postponed").
    """

    async def waiting_bytes() -> int:
        return int((await redis.info("persistence"))["aof_buffer_length"])

    await eventually(waiting_bytes, lambda waiting: waiting == 0, what="writing the append-only file")
