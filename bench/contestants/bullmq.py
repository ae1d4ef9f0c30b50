"""BullMQ's Python port. Finished jobs are kept (its default)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bullmq import Queue, Worker

from bench.contestant import Handler

NAME = "bench"
BULK = 1000


class BullmqContestant:
    """One queue, one processor."""

    packages = ("bullmq", "redis", "hiredis", "uvloop")
    slots = 100
    settings = "defaults"

    async def open(self, url: str, handler: Handler, slots: int) -> None:
        """Connect."""

        async def job(job: Any, _token: str) -> None:
            await handler(job.data["argument"])

        options = {"connection": url, "concurrency": slots, "autorun": False}
        self._queue = Queue(NAME, {"connection": url})
        self._make_worker = lambda: Worker(NAME, job, options)

    async def enqueue(self, arguments: Sequence[int]) -> None:
        """Its bulk call, a thousand at a time."""
        for start in range(0, len(arguments), BULK):
            chunk = arguments[start : start + BULK]
            await self._queue.addBulk([{"name": "job", "data": {"argument": argument}} for argument in chunk])

    async def enqueue_one(self, argument: int) -> None:
        """One script."""
        await self._queue.add("job", {"argument": argument})

    async def work(self) -> None:
        """One worker."""
        await self._make_worker().run()
        await asyncio.Event().wait()

    async def unsettled(self) -> int:
        """Jobs that wait or are active."""
        counts = await self._queue.getJobCounts("wait", "active")
        return int(sum(counts.values()))


CONTESTANT = BullmqContestant
