"""`JobQueue`: the queue as scripts use it, with the contract's signatures.

A script may also drive a job by hand; `domain/lifecycle.py` says what each wish does from each state.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
import redis.asyncio as redis_async
from loguru import logger
from redis.exceptions import RedisError

from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import GenerationMissing, InvalidInput, LeaseLost
from pregao.domain.failure import FailureClass, clean_text
from pregao.domain.job import Job, JobSpec, JobStatus, as_status
from pregao.domain.lifecycle import HandMove, hand_move
from pregao.domain.retry import backoff_ms
from pregao.generation import GenerationKeeper
from pregao.queue.codec import encode_result
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.facts import AttemptReport
from pregao.queue.lease import LeaseKeeper, Verdict
from pregao.queue.messages import Claim, Settlement
from pregao.queue.replies import translate
from pregao.queue.views import QueueViews, WorkerFacts
from pregao.settings import Settings

T = TypeVar("T")
_SPEC_EXTRAS = ("timeout_seconds", "schedule_name", "fire_time", "unique_key", "retried_from")


class JobQueue:
    """Push, pop and follow jobs. Built before or after anything is connected; connects at the first call.

    Raises QueueUnavailable when Redis cannot be reached. `async with JobQueue()` (or `close()`) ends its connections
    and stops renewing the jobs that it popped, which then go back to the queue when their leases expire.
    """

    def __init__(self, *, settings: Settings | None = None, clock: Clock | None = None) -> None:
        self._settings = settings or Settings.load()
        self._clock = clock or SystemClock()
        self._holder = f"{socket.gethostname()}:{os.getpid()}:hand-{secrets.token_hex(3)}"
        self._held: dict[str, _HeldJob] = {}
        self._sequence = 0
        self._claiming = asyncio.Lock()
        self._link: _Link | None = None

    async def __aenter__(self) -> JobQueue:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def push(self, job: Job) -> bool:
        """Accept a new job; True also when it was accepted before. Raises InvalidInput, QueueFull.

        False when another live job holds its unique key.
        """
        if job.status is not JobStatus.PENDING:
            raise InvalidInput("status", job.status.value, "is not the status of a new job", "push it as pending")
        if job.created_at is None:
            job.created_at = self._clock.now()
        spec = _spec_of(job, job.created_at)
        (accepted,) = await self._call(lambda link: link.commands.enqueue([spec]))
        return accepted.code != "duplicate"

    async def pop(self, timeout: float = 5) -> Job | None:
        """Claim the next job, waiting up to `timeout` seconds; None when there was none.

        The job is this queue's until `update_job` or `update_status` ends it: its lease is renewed meanwhile.
        """
        deadline = self._clock.monotonic() + timeout
        while True:
            job = await self._call(lambda link: self._claim(link, None))
            remaining = deadline - self._clock.monotonic()
            if job is not None or remaining <= 0:
                return job
            await self._call(partial(_Link.wait_for_work, seconds=remaining))

    async def get_job(self, job_id: str) -> Job | None:
        """The job as Redis knows it (24 hours after its end at most); None when it does not."""
        document = await self._call(lambda link: link.views.document(str(job_id)))
        return None if document is None else Job.from_dict(document)

    async def get_status(self, job_id: str) -> JobStatus | None:
        """The job's status; None when Redis does not know it."""
        return await self._call(lambda link: link.views.status(str(job_id)))

    async def get_queue_length(self) -> dict[str, int]:
        """Jobs that are ready, by priority."""
        lengths = await self._call(lambda link: link.views.lengths())
        return {"high": lengths.high, "normal": lengths.normal, "low": lengths.low}

    async def cancel_job(self, job_id: str) -> bool:
        """Cancel a waiting job, or ask a running one to stop. False when it is unknown or has ended."""
        reply = await self._call(lambda link: link.commands.cancel(str(job_id)))
        return reply.code in ("cancelled", "requested")

    async def update_status(self, job_id: str, status: JobStatus | str) -> bool:
        """Drive a job by hand to a status. False when its state does not allow that, or another worker holds it."""
        return await self._move(str(job_id), as_status(status), None)

    async def update_job(self, job: Job) -> bool:
        """Drive a job by hand to its `status`, with its `result` and `error`. False as for `update_status`."""
        return await self._move(str(job.id), job.status, job)

    async def close(self) -> None:
        """End connections and the renewing of leases; the queue can be used again afterwards."""
        link, self._link = self._link, None
        self._held.clear()
        if link is not None:
            await link.close()

    async def _move(self, job_id: str, wanted: JobStatus, job: Job | None) -> bool:
        current = await self.get_status(job_id)
        if current is None:
            logger.warning("job {} cannot become {}: Redis does not know it", job_id, wanted.value)
            return False
        match hand_move(current, wanted):
            case HandMove.NOTHING:
                return current is not JobStatus.RUNNING or self._holds(job_id)
            case HandMove.CLAIM:
                return await self._call(lambda link: self._claim(link, job_id)) is not None
            case HandMove.CANCEL:
                return await self._cancel(job_id)
            case HandMove.SETTLE:
                return await self._settle(job_id, wanted, job)
            case HandMove.RELEASE:
                return await self._release(job_id)
            case HandMove.REFUSE:
                logger.warning("job {} is {}: it cannot become {}", job_id, current.value, wanted.value)
                return False

    async def _claim(self, link: _Link, job_id: str | None) -> Job | None:
        async with self._claiming:
            claimed_at = self._clock.monotonic()
            answer = await link.commands.claim(
                self._holder, want=1, lease_ms=self._settings.lease_ms, sequence=self._sequence, job_id=job_id
            )
            self._sequence += 1
        for unreadable_id, token, problem in answer.unreadable:
            logger.error("job {} is given back: {}", unreadable_id, problem)
            await link.commands.release([(unreadable_id, token)], reason=problem)
        if not answer.claims:
            return None
        claim = answer.claims[0]
        self._held[claim.job_id] = _HeldJob(claim, self._clock.monotonic())
        link.keeper.start()
        link.keeper.hold(claim.job_id, claim.token, claimed_at)
        return Job.from_dict({**claim.document, "worker": self._holder})

    def _holds(self, job_id: str) -> bool:
        if job_id in self._held:
            return True
        logger.warning("{}", LeaseLost(f"job {job_id} is held by another worker, so nothing was written"))
        return False

    async def _cancel(self, job_id: str) -> bool:
        """A job that this queue holds ends as cancelled at once; any other is cancelled or asked to stop."""
        cancelled = await self.cancel_job(job_id)
        if cancelled and job_id in self._held:
            return await self._release(job_id)
        return cancelled

    async def _release(self, job_id: str) -> bool:
        if not self._holds(job_id):
            return False
        held = self._held[job_id]
        (settled,) = await self._call(
            lambda link: link.commands.release([(job_id, held.claim.token)], reason="released by hand")
        )
        return self._ended(held, settled.code)

    async def _settle(self, job_id: str, wanted: JobStatus, job: Job | None) -> bool:
        if not self._holds(job_id):
            return False
        held = self._held[job_id]
        completed = wanted is JobStatus.COMPLETED
        encoded = encode_result(job.result if job is not None else None)
        error = None if completed else clean_text((job.error if job else None) or "failed by hand, without a reason")
        report = AttemptReport(
            error=error,
            error_class=None if completed else FailureClass.ERROR.value,
            response_time_seconds=self._clock.monotonic() - held.since,
            metadata={"sanitised": encoded.sanitised} if encoded.sanitised else {},
        )
        settlement = Settlement(
            claim=held.claim,
            completed=completed,
            report=report,
            retryable=wanted is JobStatus.RETRY,
            delay_ms=backoff_ms(held.claim.retry_count),
            result_json=encoded.document if job is not None and job.result is not None else None,
        )
        (settled,) = await self._call(lambda link: link.commands.settle([settlement]))
        return self._ended(held, settled.code)

    def _ended(self, held: _HeldJob, code: str) -> bool:
        job_id, token = held.claim.job_id, held.claim.token
        self._held.pop(job_id, None)
        if self._link is not None:
            self._link.keeper.drop(job_id, token)
        if code == "stale":
            logger.warning("{}", LeaseLost(f"the lease of job {job_id} was lost, so nothing was written"))
        return code != "stale"

    def _on_verdict(self, job_id: str, token: str, verdict: Verdict) -> None:
        held = self._held.get(job_id)
        if held is not None and held.claim.token == token and verdict != "cancel":
            self._held.pop(job_id, None)
            logger.warning("{}", LeaseLost(f"the lease of job {job_id} is {verdict}: stop working on it"))

    async def _call(self, work: Callable[[_Link], Awaitable[T]]) -> T:
        """Do `work` on this event loop's connections; a Redis that lost its contents is rebuilt first."""
        loop = asyncio.get_running_loop()
        if self._link is None or self._link.loop is not loop:
            if self._link is not None:
                self._link.keeper.stop()
            self._link = _Link(self._settings, self._holder, self._clock, self._on_verdict)
        try:
            return await work(self._link)
        except GenerationMissing:
            await self._link.ensure_generation()
            return await work(self._link)


class _HeldJob(msgspec.Struct, frozen=True):
    claim: Claim
    since: float


class _Link:
    """The connections of one event loop."""

    def __init__(
        self, settings: Settings, holder: str, clock: Clock, on_verdict: Callable[[str, str, Verdict], None]
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._url = settings.resolve_redis_url()
        self._database_url = settings.resolve_database_url()
        self._redis = open_redis(self._url)
        self.commands = QueueCommands(self._redis, settings.key_prefix)
        self.views = QueueViews(self._redis, settings.key_prefix)
        self.keeper = LeaseKeeper(
            self._url,
            self.commands.keys,
            holder,
            lease_ms=settings.lease_ms,
            renew_ms=settings.renew_ms,
            clock=clock,
            heartbeat=lambda: msgspec.json.encode(WorkerFacts(id=holder, state="by hand")),
            on_verdict=on_verdict,
            on_generation_missing=lambda: None,
            ticks=False,
        )

    async def wait_for_work(self, seconds: float) -> None:
        """Block until an idle worker would be woken, for a second at most: the token may go to someone else."""
        async with self._blocking() as redis:
            popping: Callable[..., Awaitable[object]] = redis.blpop
            try:
                await popping([self.commands.keys.wake], timeout=max(0.05, min(1.0, seconds)))
            except RedisError as error:
                raise translate(error) from error

    @asynccontextmanager
    async def _blocking(self) -> AsyncIterator[redis_async.Redis]:
        redis = open_redis(self._url, timeout_seconds=None)
        try:
            yield redis
        finally:
            await redis.aclose()

    async def ensure_generation(self) -> None:
        keeper = GenerationKeeper(self.commands, self._database_url)
        try:
            await keeper.ensure()
        finally:
            await keeper.aclose()

    async def close(self) -> None:
        await asyncio.to_thread(self.keeper.stop)
        await self._redis.aclose()


def _spec_of(job: Job, created_at: datetime) -> JobSpec:
    values: dict[str, Any] = {name: job.extra[name] for name in _SPEC_EXTRAS if job.extra.get(name) is not None}
    if isinstance(values.get("fire_time"), str):
        values["fire_time"] = datetime.fromisoformat(values["fire_time"])
    return JobSpec(
        id=str(job.id),
        scraper_name=job.scraper_name,
        ticker=job.ticker,
        priority=job.priority,
        max_retries=job.max_retries,
        metadata=dict(job.metadata or {}),
        created_at=created_at,
        **values,
    )
