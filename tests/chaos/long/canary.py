"""What a killed server forgot although it had acknowledged it: measured from outside, without a word of the queue."""

from __future__ import annotations

import asyncio
from types import TracebackType

import redis.asyncio as redis_asyncio
from redis.exceptions import RedisError

KEY = "chaos:canary"
PAUSE_SECONDS = 0.002


class Canary:
    """Sets a growing number for as long as the block lasts; `forgotten()` compares, once the server is back.

    With `appendfsync everysec` a server whose fsync is slow acknowledges for up to two seconds what it has not even
    written (aof.c, "postponed"): killed then, it forgets, as after a power cut.
    """

    def __init__(self, redis: redis_asyncio.Redis) -> None:
        self._redis = redis
        self._acknowledged = 0

    async def __aenter__(self) -> Canary:
        self._writing = asyncio.create_task(self._write())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)

    async def forgotten(self) -> int:
        """How many acknowledged writes are gone."""
        # The last one may have been kept without being acknowledged.
        return max(0, self._acknowledged - int(await self._redis.get(KEY) or 0))

    async def _write(self) -> None:
        number = 0
        while True:
            number += 1
            try:
                await self._redis.set(KEY, number)
            except (RedisError, OSError):
                return
            self._acknowledged = number
            await asyncio.sleep(PAUSE_SECONDS)
