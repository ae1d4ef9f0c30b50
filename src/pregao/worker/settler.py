"""Settling in batches: what ends while a call to Redis is under way goes there together in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from loguru import logger

from pregao.domain.errors import GenerationMissing, PregaoError, QueueError, QueueFull, QueueUnavailable
from pregao.queue.commands import QueueCommands
from pregao.queue.messages import Settled, Settlement, unreadable_settlement

BATCH_LIMIT = 200
"""Attempts of one call at most: no script holds up the others for long."""
SMALL_BATCH, FULL_BATCH = 16, 128
"""Below `FULL_BATCH` only half of what waits is sent: its slots are free while the rest is settled, so that jobs of
equal length do not stay in step for ever. Above it calls are what costs most, and all goes at once."""
RETRY_SECONDS = 0.5

_Entry = tuple[Settlement, "asyncio.Future[Settled]"]


class Settler:
    """Takes settlements one by one and sends them together. While Redis is away, or takes no writes, it keeps trying: a
    finished attempt is not thrown away, and an old token can do no harm.
    """

    def __init__(self, commands: QueueCommands, on_generation_missing: Callable[[], Awaitable[None]]) -> None:
        self._commands = commands
        self._on_generation_missing = on_generation_missing
        self._queue: asyncio.Queue[_Entry] = asyncio.Queue()

    async def settle(self, settlement: Settlement) -> Settled:
        """Answer once Redis has answered. Raises QueueError when it refuses this settlement for good."""
        answer: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((settlement, answer))
        return await answer

    async def fail_unreadable(self, job_id: str, token: str, problem: str, now: datetime) -> None:
        """End an attempt whose document cannot be read: it fails with that reason."""
        try:
            await self.settle(unreadable_settlement(job_id, token, problem, now))
        except QueueError as error:
            logger.error("job {} could not be ended and will be reclaimed: {}", job_id, error)

    async def run(self) -> None:
        """Send batches for ever; ended by cancellation."""
        while True:
            batch = [await self._queue.get()]
            # Whatever ends in this turn of the loop goes along; what ends while a call is under way is the next batch.
            await asyncio.sleep(0)
            waiting = self._queue.qsize()
            limit = BATCH_LIMIT if waiting >= FULL_BATCH else max(SMALL_BATCH, waiting // 2)
            while len(batch) < limit and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._send(batch)

    async def _send(self, batch: list[_Entry]) -> None:
        complained = False
        while True:
            try:
                answers = await self._commands.settle([settlement for settlement, _ in batch])
            except GenerationMissing:
                await self._rebuild()
                await asyncio.sleep(RETRY_SECONDS)
            except (QueueUnavailable, QueueFull) as error:
                if not complained:
                    logger.error("{} finished attempts wait to be settled: {}", len(batch), error)
                    complained = True
                await asyncio.sleep(RETRY_SECONDS)
            except QueueError as error:
                await self._send_one_by_one(batch, error)
                return
            else:
                for (_, answer), settled in zip(batch, answers, strict=True):
                    if not answer.done():
                        answer.set_result(settled)
                return

    async def _rebuild(self) -> None:
        try:
            await self._on_generation_missing()
        except PregaoError as error:
            logger.error("the queue cannot be rebuilt yet: {}", error)

    async def _send_one_by_one(self, batch: list[_Entry], error: QueueError) -> None:
        """One settlement that Redis refuses must not hold up the others."""
        if len(batch) > 1:
            for entry in batch:
                await self._send([entry])
            return
        settlement, answer = batch[0]
        logger.error("Redis refuses to settle job {}: {}", settlement.claim.job_id, error)
        if not answer.done():
            answer.set_exception(error)
