"""Claiming: fill the free slots, sleep on the wake list without work, and stop cleanly when told to be quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger
from redis.exceptions import RedisError

from pregao.domain.clock import Clock
from pregao.domain.errors import GenerationMissing, PregaoError, QueueError
from pregao.queue.adoption import adopt
from pregao.queue.commands import QueueCommands
from pregao.queue.messages import Claim, Claims
from pregao.queue.woken import WokenClaims
from pregao.worker.slots import Slots

TROUBLE_SECONDS = 0.5
BEHIND_SECONDS = 1.0
BITE = 200
"""Jobs of one claim at most: no script takes long."""
SMALL_BITE, FULL_BITE = 16, 128
"""As for settling: below `FULL_BITE` free slots only half of them are filled by one call."""


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
        self._woken: WokenClaims | None = None
        self._trouble: str | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether it was told to claim no more."""
        return self._quiet.is_set()

    def quiet(self) -> None:
        """Claim no more. A claim that is under way is answered first, one that waits for work is dropped."""
        self._quiet.set()
        self._slots.nudge()
        if self._woken is not None:
            self._woken.abort()

    async def done(self) -> None:
        """Wait until no claim is under way any more."""
        await self._done.wait()

    async def run(self) -> None:
        """Claim until `quiet()`. Servers that are away are waited for."""
        woken = self._woken = WokenClaims(self._redis_url, self._commands)
        try:
            while not self.is_quiet:
                try:
                    await self._claim_once(woken)
                    self._trouble = None
                except (QueueError, RedisError, OSError) as error:
                    await self._recover_from(error)
            await self._return_unanswered()
        finally:
            self._woken = None
            await woken.aclose()
            self._done.set()

    async def _claim_once(self, woken: WokenClaims) -> None:
        if self._slots.free <= 0:
            await self._slots.one_left()
            return
        asked_at = self._clock.monotonic()
        answer = await self._ask(self._commands.claim)
        if answer.code == "behind":
            logger.warning("recording is behind: the outbox is above its limit, so that no new job is claimed")
            await self._pause(BEHIND_SECONDS)
        await self._accept(answer, asked_at)
        while answer.empty and answer.server_ms is not None and not self.is_quiet:
            before = answer.server_ms
            waited = await self._ask(woken.claim)
            if waited.server_ms is not None:
                # Nobody knows when the waiting claim was made but the server; its clock tells how long after the last.
                asked_at = min(asked_at + (waited.server_ms - before) / 1000, self._clock.monotonic())
            answer = waited
            await self._accept(answer, asked_at)

    async def _ask(self, claim: Callable[..., Awaitable[Claims]]) -> Claims:
        """One claim. Its sequence number is used again until it is answered, so that a lost reply loses no job."""
        self._unanswered = True
        free = self._slots.free
        want = min(BITE, free if free >= FULL_BITE else max(SMALL_BITE, free // 2), free)
        answer = await claim(self._worker, want=want, lease_ms=self._lease_ms, sequence=self._sequence)
        self._sequence += 1
        self._unanswered = False
        return answer

    async def _accept(self, answer: Claims, claimed_at: float) -> None:
        if self._clock.monotonic() >= claimed_at + self._lease_ms / 1000:
            # Others may run these by now, up to every limit: a process that was frozen must not join them.
            await self._give_back(answer, "released: its worker stood still for longer than a lease")
        else:
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
            await self._give_back(answer, "released: the worker stopped before it ran")
        except PregaoError as error:
            logger.warning("jobs of an unanswered claim go back when their leases end: {}", error)

    async def _give_back(self, answer: Claims, reason: str) -> None:
        """Return what was claimed and not begun; what somebody else has by now is left alone."""
        taken = [(claim.job_id, claim.token) for claim in answer.claims]
        if taken:
            logger.warning("{} claimed jobs were given back: {}", len(taken), reason)
            await self._commands.release(taken, reason=reason)

    async def _pause(self, seconds: float) -> None:
        """Wait, unless told to be quiet meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            return

    async def _recover_from(self, error: Exception) -> None:
        if self.is_quiet:
            return
        if self._trouble != str(error):
            logger.error("no jobs can be claimed: {}", error)
            self._trouble = str(error)
        if isinstance(error, GenerationMissing):
            try:
                await self._ensure_generation()
            except PregaoError as again:
                logger.error("the queue cannot be rebuilt yet: {}", again)
        await self._pause(TROUBLE_SECONDS)
