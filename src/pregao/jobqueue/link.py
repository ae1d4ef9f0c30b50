"""The connections of one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from redis.exceptions import RedisError

from pregao.domain.errors import JobNotFound
from pregao.generation import GenerationKeeper
from pregao.limits.live import LiveLimits
from pregao.listing import JobListing
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.replies import translate
from pregao.queue.views import QueueViews
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.store.history import History
from pregao.store.pool import open_pool

LONGEST_WAIT_SECONDS = 1.0
"""A wake token may go to somebody else, so that nobody waits for one for long."""


class Link:
    """Redis, and PostgreSQL where it has to be asked, on the event loop that runs now."""

    def __init__(self, settings: Settings) -> None:
        self.loop = asyncio.get_running_loop()
        self._settings = settings
        self._limits: LiveLimits | None = None
        self._redis = open_redis(settings.resolve_redis_url())
        self._database_url = settings.resolve_database_url()
        self._pool: asyncpg.Pool | None = None
        self.commands = QueueCommands(self._redis, settings.key_prefix)
        self.views = QueueViews(self._redis, settings.key_prefix)

    async def document(self, job_id: str) -> dict[str, Any] | None:
        """A job that Redis knows, with its result also where that is kept in PostgreSQL."""
        document = await self.views.document(job_id)
        if document is None or not document.get("result_omitted"):
            return document
        if self._pool is None:
            self._pool = await open_pool(self._database_url)
        try:
            recorded = await JobListing(self.views, History(self._pool)).job(job_id)
        except JobNotFound:
            return document
        return {**document, "result": recorded["result"]}

    async def check_enabled(self, scraper: str, registry: Registry) -> None:
        """Raises ScraperDisabled when no job of the scraper may be made."""
        if self._limits is None:
            self._limits = LiveLimits(self._settings, registry)
        await self._limits.look()
        self._limits.check_enabled(scraper)

    async def tend(self) -> None:
        """What a worker's ticks do for everybody, for the case that none runs."""
        tick = await self.commands.tick()
        if tick.expired:
            await self.commands.reclaim()
        if tick.due:
            await self.commands.promote()

    async def wait_for_work(self, seconds: float) -> None:
        """Block until an idle worker would be woken, for a second at most."""
        popping: Callable[..., Awaitable[object]] = self._redis.blpop
        try:
            keys = [self.commands.keys.wake, self.commands.keys.wake_others]
            await popping(keys, timeout=max(0.05, min(LONGEST_WAIT_SECONDS, seconds)))
        except RedisError as error:
            raise translate(error) from error

    async def ensure_generation(self) -> None:
        """Have a Redis without a generation marker rebuilt."""
        keeper = GenerationKeeper(self.commands, self._database_url)
        try:
            await keeper.ensure()
        finally:
            await keeper.aclose()

    async def close(self) -> None:
        """End the connections."""
        if self._limits is not None:
            self._limits.close()
        await self._redis.aclose()
        if self._pool is not None:
            await self._pool.close()
