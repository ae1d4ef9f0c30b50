"""The slots of one worker: which attempts run here, and why one of them must end early."""

from __future__ import annotations

import asyncio

from pregao.attempt.outcome import StopReason
from pregao.queue.messages import Claim

SETTLING_LIMIT = 200
"""One settle batch: a worker that is killed has run no more than its slots and these."""


class Slot:
    """One attempt that runs here, in as many slots as its job weighs. `browser` says that it launches one.

    `stop` gets the reason why it must end early; the first reason stays. `settling` says that it is over.
    """

    def __init__(self, claim: Claim, weight: int, *, browser: bool) -> None:
        self.job_id = claim.job_id
        self.token = claim.token
        self.weight = weight
        self.browser = browser
        self.settling = False
        self.stop: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()

    def ask(self, reason: StopReason) -> None:
        """Ask the attempt to end."""
        if not self.stop.done():
            self.stop.set_result(reason)


class Slots:
    """Attempts that weigh at most `count` together, by token: one job may be here twice for a moment, after its lease
    was lost. One that weighs more than all slots fills them all.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.used = self.settling = 0
        self._taken: dict[str, Slot] = {}
        self._by_job: dict[str, list[Slot]] = {}
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def running(self) -> int:
        """Attempts that are not over."""
        return len(self._taken) - self.settling

    @property
    def free(self) -> int:
        """What more may weigh; below 0 while a job is here twice."""
        return self.count - self.used

    def take(self, claim: Claim, *, browser: bool = False) -> Slot:
        """Put an attempt into its slots. An older attempt of the same job has lost its lease and is told so."""
        self.ask(claim.job_id, "lost")
        slot = self._taken[claim.token] = Slot(claim, min(claim.weight, self.count), browser=browser)
        self._by_job.setdefault(claim.job_id, []).append(slot)
        self.used += slot.weight
        return slot

    def settle(self, slot: Slot) -> None:
        """The attempt is over and has to be settled yet: its slots are free for others, unless too many are like it."""
        if self.settling < SETTLING_LIMIT and slot.token in self._taken and not slot.settling:
            slot.settling = True
            self.settling += 1
            self.used -= slot.weight
            self._left.set()

    def leave(self, slot: Slot) -> bool:
        """Give its slots back; False when that was done before."""
        held = self._taken.pop(slot.token, None) is not None
        if held:
            self.settling -= slot.settling
            self.used -= 0 if slot.settling else slot.weight
            same_job = self._by_job[slot.job_id]
            same_job.remove(slot)
            if not same_job:
                del self._by_job[slot.job_id]
        self._left.set()
        return held

    def ask(self, job_id: str, reason: StopReason) -> None:
        """Ask every attempt of a job to end."""
        for slot in self._by_job.get(job_id, ()):
            slot.ask(reason)

    def ask_holder(self, token: str, reason: StopReason) -> None:
        """Ask the attempt with this token to end, if it is here."""
        slot = self._taken.get(token)
        if slot is not None:
            slot.ask(reason)

    def ask_all(self, reason: StopReason) -> None:
        """Ask every attempt to end."""
        for slot in list(self._taken.values()):
            slot.ask(reason)

    def nudge(self) -> None:
        """Let whoever waits for a slot look again."""
        self._left.set()

    async def one_left(self, seconds: float | None = None) -> None:
        """Wait until an attempt leaves, or a nudge; for `seconds` at most."""
        self._left.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._left.wait()
        except TimeoutError:
            return

    async def all_left(self) -> None:
        """Wait until no attempt is left."""
        while self._taken:
            await self.one_left()
