"""Everything that a process needs from outside, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis.asyncio as redis_async
from loguru import logger

from pregao.domain.errors import QueueUnavailable
from pregao.generation import GenerationKeeper
from pregao.limits.live import LiveLimits
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import check_server, open_redis
from pregao.queue.views import QueueViews
from pregao.scrapers.aside import aside
from pregao.scrapers.following import following
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.store.pool import open_pool

if TYPE_CHECKING:
    from pregao.store.pool import Pool


ANSWER_SECONDS = 2.0
"""Somebody waits at the door: a Redis that hangs is told from one that works within seconds."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Open connections and what stands on them. All of it works again by itself when a server comes back."""

    settings: Settings
    redis: redis_async.Redis
    commands: QueueCommands
    views: QueueViews
    generation: GenerationKeeper
    pool: Pool
    registry: Registry
    limits: LiveLimits


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Open it all; close it at the end. Servers that are down are no reason to fail.

    Raises UnsafeServer when Redis answers and would lose jobs.
    """
    redis = open_redis(settings.resolve_redis_url(), timeout_seconds=ANSWER_SECONDS, retries=1)
    try:
        try:
            server = await check_server(redis, settings.key_prefix)
            for warning in server.warnings:
                logger.warning("Redis: {}", warning)
        except QueueUnavailable as error:
            logger.warning("{}; going on without it for now", error)
        database_url = settings.resolve_database_url()
        pool = await open_pool(database_url)
        commands = QueueCommands(redis, settings.key_prefix)
        generation = GenerationKeeper(commands, database_url)
        registry = await aside(Registry.load, settings)
        limits = LiveLimits(settings, registry)
        try:
            async with following(registry):
                yield Runtime(
                    settings=settings,
                    redis=redis,
                    commands=commands,
                    views=QueueViews(redis, settings.key_prefix),
                    generation=generation,
                    pool=pool,
                    registry=registry,
                    limits=limits,
                )
        finally:
            limits.close()
            await generation.aclose()
            await pool.close()
    finally:
        await redis.aclose()
