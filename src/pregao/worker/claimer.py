"""Claiming: fill the free slots, sleep on the wake list without work, and stop cleanly when told to be quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from loguru import logger
from redis.exceptions import RedisError

from pregao.domain.clock import Clock
from pregao.domain.errors import GenerationMissing, PregaoError, QueueError
from pregao.queue.adoption import adopt
from pregao.queue.commands import QueueCommands
from pregao.queue.messages import Claim, Claims
from pregao.queue.woken import WokenClaims
from pregao.worker.slots import Slots

T = TypeVar("T")

TROUBLE_SECONDS = 0.5
BEHIND_SECONDS = 1.0
BITE = 100
"""Jobs of one claim at most: the first ones run while the server looks for the next, and no script takes long."""


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
        self._interrupt: asyncio.Task[Any] | None = None
        self._trouble: str | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether it was told to claim no more."""
        return self._quiet.is_set()

    def quiet(self) -> None:
        """Claim no more. A claim that is under way is answered first, one that waits for work is dropped."""
        self._quiet.set()
        if self._interrupt is not None:
            self._interrupt.cancel()

    async def done(self) -> None:
        """Wait until no claim is under way any more."""
        await self._done.wait()

    async def run(self) -> None:
        """Claim until `quiet()`. Servers that are away are waited for."""
        woken = WokenClaims(self._redis_url, self._commands)
        try:
            while not self.is_quiet:
                try:
                    await self._claim_once(woken)
                    self._trouble = None
                except (QueueError, RedisError, OSError) as error:
                    await self._recover_from(error)
            await self._return_unanswered()
        finally:
            await woken.aclose()
            self._done.set()

    async def _claim_once(self, woken: WokenClaims) -> None:
        if self._slots.free <= 0:
            await self._unless_quiet(self._slots.one_left())
            return
        asked_at = self._clock.monotonic()
        answer = await self._ask(self._commands.claim)
        if answer.code == "behind":
            logger.warning("recording is behind: the outbox is above its limit, so that no new job is claimed")
            await self._unless_quiet(asyncio.sleep(BEHIND_SECONDS))
        await self._accept(answer, asked_at)
        while answer.empty and answer.server_ms is not None:
            before = answer.server_ms
            waited = await self._unless_quiet(self._ask(woken.claim))
            if waited is None:
                return
            if waited.server_ms is not None:
                # Nobody knows when the waiting claim was made but the server; its clock tells how long after the last.
                asked_at = min(asked_at + (waited.server_ms - before) / 1000, self._clock.monotonic())
            answer = waited
            await self._accept(answer, asked_at)

    async def _ask(self, claim: Callable[..., Awaitable[Claims]]) -> Claims:
        """One claim. Its sequence number is used again until it is answered, so that a lost reply loses no job."""
        self._unanswered = True
        want = min(BITE, self._slots.free)
        answer = await claim(self._worker, want=want, lease_ms=self._lease_ms, sequence=self._sequence)
        self._sequence += 1
        self._unanswered = False
        return answer

    async def _accept(self, answer: Claims, claimed_at: float) -> None:
        for claim in answer.claims:
            self._on_claim(claim, claimed_at)
        for unreadable in answer.unreadable:
            self._on_unreadable(*unreadable)
        if answer.foreign:
            await adopt(self._commands, answer.foreign, self._clock)

    async def _return_unanswered(self) -> None:
        """Jobs that were taken by a claim without an answer go back: nobody here will run them."""
        if not self._unanswered:
            return
        try:
            answer = await self._commands.claim(self._worker, want=0, lease_ms=self._lease_ms, sequence=self._sequence)
            self._sequence += 1
            self._unanswered = False
            taken = [(claim.job_id, claim.token) for claim in answer.claims]
            if taken:
                await self._commands.release(taken, reason="released: the worker stopped before it ran")
        except PregaoError as error:
            logger.warning("jobs of an unanswered claim go back when their leases end: {}", error)

    async def _unless_quiet(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` comes to; None when told to be quiet meanwhile, and it is dropped. Raises what it raises."""
        working = asyncio.create_task(work)  # noqa: TID251 - awaited here in every case
        self._interrupt = working
        if self.is_quiet:
            working.cancel()
        try:
            return await working
        except asyncio.CancelledError:
            if not self.is_quiet or (task := asyncio.current_task()) is None or task.cancelling():
                working.cancel()
                raise
            return None
        finally:
            self._interrupt = None

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
