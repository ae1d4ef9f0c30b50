"""The slots of one worker: which attempts run here, and why one of them must end early."""

from __future__ import annotations

import asyncio

from pregao.attempt.outcome import StopReason
from pregao.queue.messages import Claim


class Slot:
    """One attempt that runs here. `stop` gets the reason why it must end early; the first reason stays."""

    def __init__(self, claim: Claim) -> None:
        self.job_id = claim.job_id
        self.token = claim.token
        self.stop: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()

    def ask(self, reason: StopReason) -> None:
        """Ask the attempt to end."""
        if not self.stop.done():
            self.stop.set_result(reason)


class Slots:
    """At most `count` attempts, by token: one job may be here twice for a moment, after its lease was lost."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken: dict[str, Slot] = {}
        self._by_job: dict[str, list[Slot]] = {}
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def free(self) -> int:
        """How many more attempts fit."""
        return self._count - len(self._taken)

    def take(self, claim: Claim) -> Slot:
        """Put an attempt into a slot. An older attempt of the same job has lost its lease and is told so."""
        self.ask(claim.job_id, "lost")
        slot = self._taken[claim.token] = Slot(claim)
        self._by_job.setdefault(claim.job_id, []).append(slot)
        return slot

    def leave(self, slot: Slot) -> None:
        """Give a slot back."""
        if self._taken.pop(slot.token, None) is not None:
            same_job = self._by_job[slot.job_id]
            same_job.remove(slot)
            if not same_job:
                del self._by_job[slot.job_id]
        self._left.set()

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

    async def one_left(self) -> None:
        """Wait until an attempt leaves, or a nudge."""
        self._left.clear()
        await self._left.wait()

    async def all_left(self) -> None:
        """Wait until no attempt is left."""
        while self._taken:
            await self.one_left()
