"""Claiming: fill the free slots, sleep on the wake list without work, hold while told to, stop cleanly when told to be
quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger
from redis.exceptions import RedisError

from pregao.domain.clock import Clock
from pregao.domain.errors import GenerationMissing, PregaoError, QueueError
from pregao.queue.adoption import adopt
from pregao.queue.commands import QueueCommands
from pregao.queue.messages import NO_RATION, Claim, Claims, Ration
from pregao.queue.woken import WaitAborted, WokenClaims
from pregao.worker.browsers import BrowserBudget
from pregao.worker.slots import Slots

TROUBLE_SECONDS = 0.5
BEHIND_SECONDS = 1.0
BITE = 200
"""Jobs of one claim at most: no script takes long."""
SMALL_BITE, FULL_BITE = 16, 128
"""As for settling: below `FULL_BITE` free slots only half of them are filled by one call."""
RELOOK_SECONDS = 1.0
"""With slots free, but too few for the job in front, the next look: another worker may have taken it by then."""


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
        browsers: BrowserBudget,
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
        self._browsers = browsers
        self._lease_ms = lease_ms
        self._clock = clock
        self._ensure_generation = ensure_generation
        self._on_claim = on_claim
        self._on_unreadable = on_unreadable
        self._sequence = 0
        self._unanswered = False
        self._held = False
        self._crowded = False
        self._waits_with: Ration | None = None
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

    def hold(self, *, held: bool) -> None:
        """Claim nothing from now on, or go on. What runs goes on in any case."""
        self._held = held
        self._slots.nudge()
        self.review()

    def review(self) -> None:
        """Call a claim that waits for work back if it would not be made like that now; it is made anew at once.

        To be called when a browser came free: until then the claim leaves jobs that need one to others.
        """
        waits_with, now = self._waits_with, self._browsers.ration
        if waits_with is None or self._woken is None:
            return
        if self._held or now.scrapers != waits_with.scrapers or waits_with.left <= 0 < now.left:
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
                except WaitAborted:
                    continue  # whether that claim was made comes out when its number is used again
                except (QueueError, RedisError, OSError) as error:
                    await self._recover_from(error)
            await self._return_unanswered()
        finally:
            self._woken = None
            await woken.aclose()
            self._done.set()

    async def _claim_once(self, woken: WokenClaims) -> None:
        asked_at = self._clock.monotonic()
        if self._held and self._unanswered:
            await self._accept(await self._ask(self._commands.claim, 0, NO_RATION), asked_at)
        if self._held or self._slots.free <= 0:
            await self._slots.one_left()
            return
        want = self._want()
        answer = await self._ask(self._commands.claim, want, self._browsers.ration)
        if answer.code == "behind":
            logger.warning("recording is behind: the outbox is above its limit, so that no new job is claimed")
            await self._pause(BEHIND_SECONDS)
        await self._accept(answer, asked_at)
        while self._may_wait_after(answer):
            before, want = answer.server_ms or 0, self._want()
            answer = await self._wait(woken, want)
            if answer.server_ms is not None:
                # Nobody knows when the waiting claim was made but the server; its clock tells how long after the last.
                asked_at = min(asked_at + (answer.server_ms - before) / 1000, self._clock.monotonic())
            await self._accept(answer, asked_at)
        self._crowded = answer.code == "full"
        if self._crowded and self._slots.free <= want:
            await self._slots.one_left(RELOOK_SECONDS)

    def _may_wait_after(self, answer: Claims) -> bool:
        """Whether there was nothing to do at all. What does not fit is there: its wake token would come at once."""
        nothing = answer.code == "ok" and answer.empty and answer.server_ms is not None
        return nothing and not self.is_quiet and not self._held

    async def _wait(self, woken: WokenClaims, want: int) -> Claims:
        ration = self._waits_with = self._browsers.ration
        try:
            return await self._ask(woken.claim, want, ration)
        finally:
            self._waits_with = None

    def _want(self) -> int:
        """For how many slots to claim: for all that are free when what comes next is too heavy for less."""
        free = self._slots.free
        return free if self._crowded else min(BITE, free if free >= FULL_BITE else max(SMALL_BITE, free // 2), free)

    async def _ask(self, claim: Callable[..., Awaitable[Claims]], want: int, ration: Ration) -> Claims:
        """One claim. Its sequence number is used again until it is answered, so that a lost reply loses no job."""
        self._unanswered = True
        answer = await claim(
            self._worker,
            want=want,
            lease_ms=self._lease_ms,
            sequence=self._sequence,
            ration=ration,
            slots=self._slots.count,
        )
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
            answer = await self._ask(self._commands.claim, 0, NO_RATION)
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
