"""arq. Results are kept for an hour and the queue is polled every half second (its defaults)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from arq import create_pool, func
from arq.connections import RedisSettings
from arq.worker import Worker

from bench.contestant import Handler, together

AT_ONCE = 100


class ArqContestant:
    """One queue, one function."""

    packages = ("arq", "redis", "hiredis", "uvloop")
    slots = 100
    settings = "defaults"

    async def open(self, url: str, handler: Handler, slots: int) -> None:
        """Connect."""

        async def job(_context: Any, argument: int) -> None:
            await handler(argument)

        self._pool = await create_pool(RedisSettings.from_dsn(url))
        self._worker = Worker([func(job, name="job")], redis_pool=self._pool, max_jobs=slots, handle_signals=False)

    async def enqueue(self, arguments: Sequence[int]) -> None:
        """There is no bulk call: many single ones at once."""
        await together([partial(self.enqueue_one, argument) for argument in arguments], AT_ONCE)

    async def enqueue_one(self, argument: int) -> None:
        """WATCH, EXISTS and a transaction."""
        await self._pool.enqueue_job("job", argument)

    async def work(self) -> None:
        """One worker."""
        await self._worker.async_run()

    async def unsettled(self) -> int:
        """Jobs stay in the queue until they are finished."""
        return int(await self._pool.zcard("arq:queue"))


CONTESTANT = ArqContestant
