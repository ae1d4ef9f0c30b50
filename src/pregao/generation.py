"""Keeping the generation marker: whoever meets a Redis without one has it rebuilt from PostgreSQL."""

from __future__ import annotations

import asyncio

import asyncpg
from loguru import logger

from pregao.domain.errors import QueueError, StoreError
from pregao.queue.commands import QueueCommands
from pregao.recovery import ensure_generation
from pregao.store.pool import close_pool, open_pool

RETRY_SECONDS = 1.0


class GenerationKeeper:
    """Rebuilds the queue on demand; one rebuild at a time in this process, one in the world by PostgreSQL's lock."""

    def __init__(self, commands: QueueCommands, database_url: str) -> None:
        self._commands = commands
        self._database_url = database_url
        self._pool: asyncpg.Pool | None = None
        self._asked = asyncio.Event()
        self._lock = asyncio.Lock()

    async def ensure(self) -> None:
        """Return once Redis has its marker. Raises QueueUnavailable when it cannot be reached."""
        async with self._lock:
            if await self._commands.read_generation() is not None:
                return
            if self._pool is None:
                self._pool = await open_pool(self._database_url)
            await ensure_generation(self._commands, self._pool)

    def request(self) -> None:
        """Ask for a rebuild from a callback; `run()` carries it out."""
        self._asked.set()

    async def run(self) -> None:
        """Carry out requests for ever; ended by cancellation."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self.ensure()
            except (QueueError, StoreError) as error:
                logger.error("the queue cannot be rebuilt yet: {}", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def aclose(self) -> None:
        """Close the connection to PostgreSQL, if one was opened."""
        if self._pool is not None:
            await close_pool(self._pool)
            self._pool = None
