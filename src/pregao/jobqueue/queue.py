"""`JobQueue`: push, pop and follow jobs, or drive one by hand.

`domain/lifecycle.py` says what each wish of `update_status` and `update_job` does from each state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
import orjson
from loguru import logger

from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import GenerationMissing, InvalidInput, LeaseLost, QueueError, ScrapeError
from pregao.domain.failure import FailureClass, clean_text
from pregao.domain.job import Job, JobStatus, as_status, spec_of
from pregao.domain.lifecycle import HandMove, hand_move
from pregao.domain.retry import backoff_ms
from pregao.jobqueue.held import HeldJob, HeldJobs
from pregao.jobqueue.link import Link
from pregao.queue.codec import encode_result
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Claims, Settlement, unreadable_settlement
from pregao.scraper_names import resolve_scraper
from pregao.scrapers.aside import aside
from pregao.scrapers.registry import Registry
from pregao.settings import Settings

T = TypeVar("T")


class JobQueue:
    """Built before or after anything is connected; connects at the first call, on whichever event loop makes it.

    Raises QueueUnavailable when Redis cannot be reached. `async with JobQueue()` (or `close()`) ends its connections
    and gives the jobs that it still holds back.
    """

    def __init__(self, *, settings: Settings | None = None, clock: Clock | None = None) -> None:
        self._settings = settings or Settings.load()
        self._clock = clock or SystemClock()
        self._held = HeldJobs(self._settings, self._clock)
        self._claiming = asyncio.Lock()
        self._sequence = 0
        self._unanswered: str | None = None
        self._link: Link | None = None
        self._registry: Registry | None = None

    async def __aenter__(self) -> JobQueue:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def push(self, job: Job) -> bool:
        """Accept a new job; True also when it was accepted before. False when another live job holds its unique key.

        Its `scraper_name` becomes the full one. Raises InvalidInput, also for a scraper that is disabled, or that
        neither is installed here nor runs on a live worker, and QueueFull.
        """
        if job.status is not JobStatus.PENDING:
            raise InvalidInput("status", job.status.value, "is not the status of a new job", "push it as pending")
        if job.created_at is None:
            job.created_at = self._clock.now()
        spec = spec_of(job, job.created_at)
        job.scraper_name = await self._call(partial(self._resolve, name=spec.scraper_name))
        if job.scraper_name != spec.scraper_name:
            spec = msgspec.structs.replace(spec, scraper_name=job.scraper_name)
        (accepted,) = await self._call(lambda link: link.commands.enqueue([spec]))
        return accepted.code != "duplicate"

    async def pop(self, timeout: float = 5) -> Job | None:
        """Claim the next job, waiting up to `timeout` seconds; None when there was none.

        The job is this queue's until `update_job` or `update_status` ends it: its lease is renewed meanwhile.
        """
        deadline = self._clock.monotonic() + timeout
        while True:
            await self._call(Link.tend)
            job = await self._call(partial(self._claim, job_id=""))
            remaining = deadline - self._clock.monotonic()
            if job is not None or remaining <= 0:
                return job
            await self._call(partial(Link.wait_for_work, seconds=remaining))

    async def get_job(self, job_id: str) -> Job | None:
        """The job as Redis knows it (24 hours after its end at most); None when it does not.

        A result above 16 KB is read from PostgreSQL: raises StoreUnavailable when that is away.
        """
        document = await self._call(lambda link: link.document(str(job_id)))
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
        """Drive a job by hand to a status. False when it has another one afterwards, or another worker holds it."""
        return await self._move(str(job_id), as_status(status), None)

    async def update_job(self, job: Job) -> bool:
        """Drive a job by hand to its `status`, with its `result`, `error` and `metadata`. False as `update_status`."""
        return await self._move(str(job.id), job.status, job)

    async def close(self) -> None:
        """Give back what is held, and end the connections; the queue can be used again afterwards."""
        for held in self._held.all():
            try:
                await self._release(held, "released: the queue was closed")
            except QueueError as error:
                logger.warning("job {} goes back when its lease ends: {}", held.claim.job_id, error)
        await self._held.close()
        await self.disconnect()

    async def disconnect(self) -> None:
        """End this event loop's connections, and keep what is held: for scripts that call `asyncio.run` repeatedly."""
        link, self._link = self._link, None
        if link is not None and link.loop is asyncio.get_running_loop():
            await link.close()

    async def _resolve(self, link: Link, name: str) -> str:
        if self._registry is None:
            self._registry = await aside(Registry.load, self._settings)
        full_name = await resolve_scraper(name, self._registry, link.views)
        await link.check_enabled(full_name, self._registry)
        return full_name

    async def _move(self, job_id: str, wanted: JobStatus, job: Job | None) -> bool:
        current = await self.get_status(job_id)
        if current is None:
            logger.warning("job {} cannot become {}: Redis does not know it", job_id, wanted.value)
            return False
        match hand_move(current, wanted):
            case HandMove.NOTHING:
                return await self._already(job_id, current, job)
            case HandMove.CLAIM:
                return await self._call(partial(self._claim, job_id=job_id)) is not None
            case HandMove.CANCEL:
                return await self._cancel(job_id)
            case HandMove.SETTLE:
                return await self._settle(job_id, wanted, job)
            case HandMove.RELEASE:
                held = self._held.get(job_id)
                return held is not None and await self._release(held, "released by hand")
            case HandMove.REFUSE:
                logger.warning("job {} is {}: it cannot become {}", job_id, current.value, wanted.value)
                return False

    async def _already(self, job_id: str, current: JobStatus, job: Job | None) -> bool:
        """The status is as wished. True, unless somebody else runs the job, or the wish was for other contents."""
        if current is JobStatus.RUNNING:
            return self._held.get(job_id) is not None
        known = await self.get_job(job_id) if job is not None else None
        if job is None or known is None:
            return True
        changed = [name for name in ("result", "error", "metadata") if getattr(job, name) != getattr(known, name)]
        if changed:
            logger.warning("job {} is {}: its {} cannot be changed", job_id, current.value, " and ".join(changed))
        return not changed

    async def _claim(self, link: Link, job_id: str) -> Job | None:
        async with self._claiming:
            await self._return_unanswered(link)
            claimed_at = self._clock.monotonic()
            answer = await self._ask(link, job_id, want=1)
        if not answer.claims:
            return None
        claim = answer.claims[0]
        self._held.hold(claim, claimed_at)
        return Job.from_dict({**claim.document, "worker": self._held.holder})

    async def _ask(self, link: Link, job_id: str, *, want: int) -> Claims:
        """One claim under the next sequence number, which is used up only by an answer."""
        self._unanswered = job_id
        answer = await link.commands.claim(
            self._held.holder, want=want, lease_ms=self._settings.lease_ms, sequence=self._sequence, job_id=job_id
        )
        self._sequence += 1
        self._unanswered = None
        for unreadable_id, token, problem in answer.unreadable:
            logger.error("job {} fails: {}", unreadable_id, problem)
            await link.commands.settle([unreadable_settlement(unreadable_id, token, problem, self._clock.now())])
        return answer

    async def _return_unanswered(self, link: Link) -> None:
        """A job that was taken by a claim whose answer nobody got goes back to the front."""
        if self._unanswered is None:
            return
        answer = await self._ask(link, self._unanswered, want=0)
        taken = [(claim.job_id, claim.token) for claim in answer.claims]
        if taken:
            await link.commands.release(taken, reason="released: nobody got the answer to its claim")

    async def _cancel(self, job_id: str) -> bool:
        """A job that this queue holds ends as cancelled at once; any other is cancelled or asked to stop."""
        cancelled = await self.cancel_job(job_id)
        if cancelled and self._held.has(job_id):
            held = self._held.get(job_id)
            return held is not None and await self._release(held, "cancelled by hand")
        return cancelled

    async def _release(self, held: HeldJob, reason: str) -> bool:
        token = (held.claim.job_id, held.claim.token)
        (settled,) = await self._call(lambda link: link.commands.release([token], reason=reason))
        return self._ended(held, settled.code)

    async def _settle(self, job_id: str, wanted: JobStatus, job: Job | None) -> bool:
        held = self._held.get(job_id)
        if held is None:
            return False
        settlement = self._settlement(held, wanted, job)
        (settled,) = await self._call(lambda link: link.commands.settle([settlement]))
        written = self._ended(held, settled.code)
        if written and settled.state is not wanted:
            logger.warning("job {} is {} now, not {}", job_id, settled.state, wanted.value)
        return written and settled.state is wanted

    def _settlement(self, held: HeldJob, wanted: JobStatus, job: Job | None) -> Settlement:
        """What the script found out. A result that cannot be stored fails the job with that reason."""
        problem: tuple[str, FailureClass] | None = None
        if wanted is not JobStatus.COMPLETED:
            reason = (job.error if job else None) or "failed by hand, without a reason"
            problem = clean_text(reason), FailureClass.ERROR
        try:
            result, metadata = _contents(job)
        except ScrapeError as refused:
            result, metadata, problem = None, {}, (str(refused), refused.failure_class)
        report = AttemptReport(
            error=problem[0] if problem else None,
            error_class=problem[1].value if problem else None,
            response_time_seconds=self._clock.monotonic() - held.since,
            metadata=metadata,
        )
        return Settlement(
            claim=held.claim,
            completed=problem is None,
            report=report,
            retryable=wanted is JobStatus.RETRY,
            delay_ms=backoff_ms(held.claim.retry_count),
            result_json=None if problem else result,
        )

    def _ended(self, held: HeldJob, code: str) -> bool:
        self._held.drop(held)
        if code == "stale":
            logger.warning("{}", LeaseLost(f"the lease of job {held.claim.job_id} was lost, so nothing was written"))
        return code != "stale"

    async def _call(self, work: Callable[[Link], Awaitable[T]]) -> T:
        """Do `work` on this event loop's connections; a Redis that lost its contents is rebuilt first."""
        if self._link is None or self._link.loop is not asyncio.get_running_loop():
            self._link = Link(self._settings)
            self._claiming = asyncio.Lock()
        link = self._link
        try:
            return await work(link)
        except GenerationMissing:
            await link.ensure_generation()
            return await work(link)


def _contents(job: Job | None) -> tuple[bytes | None, dict[str, Any]]:
    """Result and metadata as they can be stored. Raises ScrapeError."""
    if job is None:
        return None, {}
    result, metadata = encode_result(job.result), encode_result(job.metadata or {})
    changed = result.sanitised + [f"metadata{place.removeprefix('$')}" for place in metadata.sanitised]
    values = orjson.loads(metadata.document)
    return (
        None if job.result is None else result.document,
        {**values, "sanitised": changed} if changed else values,
    )
