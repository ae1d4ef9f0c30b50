"""repid 2 on Redis streams. It keeps no results, and does not reclaim the jobs of a dead worker by default."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import redis.asyncio as redis_async
from repid import RedisServer, Repid, Router

from bench.contestant import Handler, together

CHANNEL = "bench"
TOPIC = {"topic": "job"}
AT_ONCE = 100


class RepidContestant:
    """One channel, one actor."""

    packages = ("repid", "redis", "hiredis", "uvloop")
    slots = 10
    settings = "batch_size 100 (default 10)"

    async def open(self, url: str, handler: Handler, slots: int) -> None:
        """Connect; the stream's consumer group is made with the first subscription and reads from the beginning."""
        self._slots = slots
        self._redis = redis_async.Redis.from_url(url)
        self._app = Repid()
        self._app.servers.register_server("default", RedisServer(url, batch_size=100), is_default=True)
        router = Router()

        @router.actor(channel=CHANNEL)
        async def job(argument: int) -> None:
            await handler(argument)

        self._app.include_router(router)
        await self._app.servers.default.connect()

    async def enqueue(self, arguments: Sequence[int]) -> None:
        """There is no bulk call: many single ones at once."""
        await together([partial(self.enqueue_one, argument) for argument in arguments], AT_ONCE)

    async def enqueue_one(self, argument: int) -> None:
        """One XADD."""
        await self._app.send_message_json(channel=CHANNEL, payload={"argument": argument}, headers=TOPIC)

    async def work(self) -> None:
        """One worker."""
        await self._app.run_worker(tasks_limit=self._slots, register_signals=[])

    async def unsettled(self) -> int:
        """Entries that the group has read and not acknowledged."""
        pending = await self._redis.xpending(f"repid:{CHANNEL}", f"repid:{CHANNEL}:group")
        return int(pending["pending"])


CONTESTANT = RepidContestant
