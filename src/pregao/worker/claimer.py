"""Claiming: fill the free slots, sleep on the wake list without work, and stop cleanly when told to be quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import redis.asyncio as redis_async
from loguru import logger
from redis.exceptions import RedisError

from pregao.domain.clock import Clock
from pregao.domain.errors import GenerationMissing, PregaoError, QueueError, QueueUnavailable
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.messages import Claim, Claims
from pregao.worker.slots import Slots

WAKE_SECONDS = 5.0
ANSWER_SECONDS = 5.0
TROUBLE_SECONDS = 0.5
BEHIND_SECONDS = 1.0


class Claimer:
    """Takes jobs for the free slots until `quiet()`; then ends, and leaves no claimed job behind.

    `on_claim(claim, claimed_at)` gets each attempt with the monotonic time just before it was claimed;
    `on_unreadable(job_id, token, problem)` those whose document cannot be read.
    """

    def __init__(
        self,
        redis_url: str,
        commands: QueueCommands,
        worker: str,
        *,
        slots: Slots,
        lease_ms: int,
        clock: Clock,
        ensure_generation: Callable[[], Awaitable[None]],
        on_claim: Callable[[Claim, float], None],
        on_unreadable: Callable[[str, str, str], None],
    ) -> None:
        self._redis_url = redis_url
        self._commands = commands
        self._worker = worker
        self._slots = slots
        self._lease_ms = lease_ms
        self._clock = clock
        self._ensure_generation = ensure_generation
        self._on_claim = on_claim
        self._on_unreadable = on_unreadable
        self._sequence = 0
        self._unanswered = False
        self._quiet = asyncio.Event()
        self._done = asyncio.Event()
        self._trouble: str | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether it was told to claim no more."""
        return self._quiet.is_set()

    def quiet(self) -> None:
        """Claim no more. A claim that is under way is answered first."""
        self._quiet.set()

    async def done(self) -> None:
        """Wait until no claim is under way any more."""
        await self._done.wait()

    async def run(self) -> None:
        """Claim until `quiet()`. Servers that are away are waited for."""
        waiting = open_redis(self._redis_url, timeout_seconds=WAKE_SECONDS + ANSWER_SECONDS)
        try:
            while not self.is_quiet:
                try:
                    await self._claim_once(waiting)
                    self._trouble = None
                except (QueueError, RedisError, OSError) as error:
                    await self._recover_from(error)
            await self._return_unanswered()
        finally:
            await waiting.aclose()
            self._done.set()

    async def _claim_once(self, waiting: redis_async.Redis) -> None:
        if self._slots.free <= 0:
            await self._unless_quiet(self._slots.one_left())
            return
        claimed_at = self._clock.monotonic()
        answer = await self._claim(self._slots.free)
        for claim in answer.claims:
            self._on_claim(claim, claimed_at)
        for unreadable in answer.unreadable:
            self._on_unreadable(*unreadable)
        if answer.code == "behind":
            logger.warning("recording is behind: the outbox is above its limit, so that no new job is claimed")
            await self._unless_quiet(asyncio.sleep(BEHIND_SECONDS))
        elif not answer.claims:
            await self._sleep_until_woken(waiting)

    async def _claim(self, want: int) -> Claims:
        """One claim. Its sequence number is used again until it is answered, so that a lost reply loses no job."""
        self._unanswered = True
        answer = await self._commands.claim(self._worker, want=want, lease_ms=self._lease_ms, sequence=self._sequence)
        self._sequence += 1
        self._unanswered = False
        return answer

    async def _return_unanswered(self) -> None:
        """Jobs that were taken by a claim without an answer go back: nobody here will run them."""
        if not self._unanswered:
            return
        try:
            answer = await self._claim(0)
            taken = [(claim.job_id, claim.token) for claim in answer.claims]
            if taken:
                await self._commands.release(taken, reason="released: the worker stopped before it ran")
        except PregaoError as error:
            logger.warning("jobs of an unanswered claim go back when their leases end: {}", error)

    async def _sleep_until_woken(self, waiting: redis_async.Redis) -> None:
        failed: list[Exception] = []

        async def wait() -> None:
            try:
                popping: Callable[..., Awaitable[object]] = waiting.blpop
                await popping([self._commands.keys.wake], timeout=WAKE_SECONDS)
            except (RedisError, OSError) as error:
                failed.append(error)

        await self._unless_quiet(wait())
        if failed:
            raise QueueUnavailable(f"Redis cannot be reached: {failed[0]}") from failed[0]

    async def _unless_quiet(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work`, which never raises, or drop it when told to be quiet."""
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work)
            quiet = group.create_task(self._quiet.wait())
            await asyncio.wait({working, quiet}, return_when=asyncio.FIRST_COMPLETED)
            quiet.cancel()
            working.cancel()

    async def _recover_from(self, error: Exception) -> None:
        if self._trouble != str(error):
            logger.error("no jobs can be claimed: {}", error)
            self._trouble = str(error)
        if isinstance(error, GenerationMissing):
            try:
                await self._ensure_generation()
            except PregaoError as again:
                logger.error("the queue cannot be rebuilt yet: {}", again)
        await self._unless_quiet(asyncio.sleep(TROUBLE_SECONDS))
