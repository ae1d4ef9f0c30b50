"""SAQ on Redis. A finished job is kept for ten minutes (its default)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from saq import Queue, Worker

from bench.contestant import Handler, together

AT_ONCE = 100


class SaqContestant:
    """One queue, one function."""

    packages = ("saq", "redis", "hiredis", "uvloop")
    slots = 100
    settings = "defaults"

    async def open(self, url: str, handler: Handler, slots: int) -> None:
        """Connect."""

        async def job(_context: Any, *, argument: int) -> None:
            await handler(argument)

        self._queue = Queue.from_url(url)
        self._worker = Worker(self._queue, [("job", job)], concurrency=slots)
        self._worker.SIGNALS = []
        await self._queue.connect()

    async def enqueue(self, arguments: Sequence[int]) -> None:
        """There is no bulk call that does not wait for results: many single ones at once."""
        await together([partial(self.enqueue_one, argument) for argument in arguments], AT_ONCE)

    async def enqueue_one(self, argument: int) -> None:
        """One script."""
        await self._queue.enqueue("job", argument=argument)

    async def work(self) -> None:
        """One worker."""
        await self._worker.start()

    async def unsettled(self) -> int:
        """Jobs that are queued, scheduled or active."""
        return int(await self._queue.count("incomplete"))


CONTESTANT = SaqContestant
