"""The jobs that a script holds: claimed by hand, and renewed until it ends them."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket

import msgspec
from loguru import logger

from pregao.domain.clock import Clock
from pregao.domain.errors import LeaseLost
from pregao.queue.keys import Keys
from pregao.queue.lease import LeaseKeeper, Verdict
from pregao.queue.messages import Claim
from pregao.queue.process import own_process
from pregao.queue.views import WorkerFacts
from pregao.settings import Settings


class HeldJob(msgspec.Struct, frozen=True):
    """A claim with the monotonic time since when it is held."""

    claim: Claim
    since: float


class HeldJobs:
    """Renews what it holds from a thread of its own, which serves every event loop of the script."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:hand-{secrets.token_hex(3)}"
        self._settings = settings
        self._clock = clock
        self._jobs: dict[str, HeldJob] = {}
        self._keeper: LeaseKeeper | None = None

    def get(self, job_id: str) -> HeldJob | None:
        """The job, if it is held here; logs LeaseLost when it is not."""
        held = self._jobs.get(job_id)
        if held is None:
            logger.warning("{}", LeaseLost(f"job {job_id} is held by another worker, so nothing was written"))
        return held

    def has(self, job_id: str) -> bool:
        """Whether the job is held here."""
        return job_id in self._jobs

    def all(self) -> list[HeldJob]:
        """Everything that is held."""
        return list(self._jobs.values())

    def hold(self, claim: Claim, claimed_at: float) -> None:
        """Renew a claim from now on; `claimed_at` is the monotonic time just before it was made."""
        self._jobs[claim.job_id] = HeldJob(claim, self._clock.monotonic())
        if self._keeper is None:
            self._keeper = self._make_keeper()
            self._keeper.start()
        self._keeper.hold(claim.job_id, claim.token, claimed_at)

    def drop(self, held: HeldJob) -> None:
        """Stop renewing a job that has ended."""
        self._jobs.pop(held.claim.job_id, None)
        if self._keeper is not None:
            self._keeper.drop(held.claim.token)

    async def close(self) -> None:
        """End the thread."""
        self._jobs.clear()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await asyncio.to_thread(keeper.stop)

    def _make_keeper(self) -> LeaseKeeper:
        return LeaseKeeper(
            self._settings.resolve_redis_url(),
            Keys(self._settings.key_prefix),
            self.holder,
            lease_ms=self._settings.lease_ms,
            renew_ms=self._settings.renew_ms,
            clock=self._clock,
            heartbeat=lambda: msgspec.json.encode(WorkerFacts(id=self.holder, process=own_process(), state="by hand")),
            on_verdict=self._on_verdict,
            on_generation_missing=lambda: None,
        )

    def _on_verdict(self, job_id: str, token: str, verdict: Verdict) -> None:
        """Called in the keeper's thread."""
        held = self._jobs.get(job_id)
        if held is not None and held.claim.token == token and verdict != "cancel":
            self._jobs.pop(job_id, None)
            logger.warning("{}", LeaseLost(f"the lease of job {job_id} is {verdict}: stop working on it"))
