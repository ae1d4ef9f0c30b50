"""Taskiq on Redis streams, without a result backend (its default)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import redis.asyncio as redis_async
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

from bench.contestant import Handler, together

AT_ONCE = 100


class TaskiqContestant:
    """One stream broker, one task."""

    packages = ("taskiq", "taskiq-redis", "redis", "hiredis", "uvloop")
    slots = 100
    settings = "RedisStreamBroker, no result backend"

    async def open(self, url: str, handler: Handler, slots: int) -> None:
        """Connect and make the consumer group."""
        self._slots = slots
        self._redis = redis_async.Redis.from_url(url)
        self._broker = RedisStreamBroker(url)

        @self._broker.task(task_name="job")
        async def job(argument: int) -> None:
            await handler(argument)

        self._job = job
        await self._broker.startup()

    async def enqueue(self, arguments: Sequence[int]) -> None:
        """There is no bulk call: many single ones at once."""
        await together([partial(self.enqueue_one, argument) for argument in arguments], AT_ONCE)

    async def enqueue_one(self, argument: int) -> None:
        """One XADD."""
        await self._job.kiq(argument)

    async def work(self) -> None:
        """One receiver in this process."""
        await run_receiver_task(self._broker, max_async_tasks=self._slots, max_prefetch=self._slots)

    async def unsettled(self) -> int:
        """Entries that the group has read and not acknowledged."""
        return int((await self._redis.xpending("taskiq", "taskiq"))["pending"])


CONTESTANT = TaskiqContestant
