"""The scrub: jobs that are pending and wait in no list come back, as after somebody else's RPOP.

A slow look over everything, for what no transition can see: all lists are read, then every live job is asked where it
waits. What seems to be nowhere is looked at once more by a script, which alone decides.
"""

from __future__ import annotations

import asyncio

import redis.asyncio as redis_async
from loguru import logger

from pregao.domain.errors import QueueError
from pregao.domain.job import JobPriority
from pregao.queue.commands import QueueCommands
from pregao.queue.keys import DEFAULT_PREFIX
from pregao.store.outbox import answered

PAUSE_SECONDS = 60.0
PAGE = 500
AT_ONCE = 5
"""Ids of one script call: each makes the server walk a list."""


class Scrubber:
    """Looks once a minute. Any number may run at once: the script makes sure that a job comes back once."""

    def __init__(self, redis: redis_async.Redis, prefix: str = DEFAULT_PREFIX) -> None:
        self._redis = redis
        self._commands = QueueCommands(redis, prefix)
        self._keys = self._commands.keys

    async def run(self) -> None:
        """Scrub for ever; ends by cancellation only."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self.scrub()
            except QueueError as error:
                logger.warning("the scrub is put off: {}", error)

    async def scrub(self) -> list[str]:
        """Bring back what waits nowhere; returns the ids. Raises QueueError."""
        # Live jobs first: one that is created while the lists are read is then not among the suspects.
        pending = await self._pending()
        waiting = await self._waiting()
        suspects = sorted(pending - waiting)
        found: list[str] = []
        for start in range(0, len(suspects), AT_ONCE):
            found += await self._commands.scrub(suspects[start : start + AT_ONCE])
        for job_id in found:
            logger.warning("job {} was pending in no list, and is back in its queue: who takes ids from there?", job_id)
        return found

    async def _pending(self) -> set[str]:
        ids: set[str] = set()
        cursor = 0
        head, tail = f"{self._keys.prefix}job:", ":status"
        while True:
            cursor, keys = await answered(self._redis.scan(cursor, match=f"{_literal(head)}*{tail}", count=PAGE))
            states = await answered(self._redis.mget(keys)) if keys else []
            ids |= {
                key.decode()[len(head) : -len(tail)]
                for key, state in zip(keys, states, strict=True)
                if state == b"pending"
            }
            if not cursor:
                return ids

    async def _waiting(self) -> set[str]:
        scrapers = [name.decode() for name in await answered(self._redis.smembers(self._keys.parked))]
        lists = [self._keys.ready(priority) for priority in JobPriority]
        lists += [self._keys.parked_jobs(scraper, priority) for scraper in scrapers for priority in JobPriority]
        ids: set[str] = set()
        for key in lists:
            start = 0
            while page := await answered(self._redis.lrange(key, start, start + PAGE - 1)):
                ids |= {job_id.decode(errors="replace") for job_id in page}
                start += PAGE
        return ids


def _literal(prefix: str) -> str:
    """`prefix` as a pattern that matches only itself."""
    return "".join(f"\\{letter}" if letter in "\\*?[]" else letter for letter in prefix)
