"""What can be asked of a job at any door, the API's or the command line's: create, find, list, cancel, retry."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from loguru import logger

from pregao.api.rebuilding import rebuilding
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import IllegalTransition, InvalidInput, QueueUnavailable, StoreUnavailable
from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.domain.names import fold
from pregao.limits.values import ScraperLimits
from pregao.listing import JobListing, Wanted, present
from pregao.queue.gate_lines import market_time, why_held
from pregao.queue.messages import Cancelled
from pregao.runtime import Runtime
from pregao.scraper_names import names_on_workers, resolve_scraper
from pregao.scrapers.registry import BrokenScraper, UnknownScraper
from pregao.store.history import History

IDEMPOTENCY_NAMESPACE = uuid.UUID("0a4c2a5e-3f9b-4a35-9d0c-6b7f5a3f5e51")
"""A job's id follows from its idempotency key, so that the queue itself knows a repeated request."""


class KeyReused(IllegalTransition):
    """The Idempotency-Key was used before for another request."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id, "known", "created: its Idempotency-Key was used before for another request")


def canonical_job_id(job_id: str) -> str:
    """The id as it is stored, from any spelling of a UUID. Raises InvalidInput."""
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        raise InvalidInput(
            "job_id", job_id, "is not a UUID", "use the id that the job was created with; the list of jobs shows it"
        ) from None


def told_of_cancel(job_id: str, reply: Cancelled) -> dict[str, Any]:
    """What a cancel came to, as every door tells it."""
    running = reply.code == "requested"
    return {
        "message": "the job runs; its worker was asked to stop" if running else "the job is cancelled",
        "job_id": job_id,
        "status": (JobStatus.RUNNING if running else JobStatus.CANCELLED).value,
        "cancel_requested": running,
    }


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a job, already checked. `max_retries` None means the scraper's own."""

    scraper_name: str
    ticker: str | None = None
    priority: JobPriority = JobPriority.NORMAL
    max_retries: int | None = None
    timeout_seconds: float | None = None
    metadata: dict[str, Any] = {}
    unique_key: str | None = None
    idempotency_key: str | None = None


class JobActions:
    """One runtime's jobs. All methods raise QueueUnavailable; each says what else."""

    def __init__(self, runtime: Runtime, clock: Clock | None = None) -> None:
        self._runtime = runtime
        self._clock = clock or SystemClock()
        self.history = History(runtime.pool)
        self.listing = JobListing(runtime.views, self.history)

    async def create(self, request: NewJob) -> tuple[dict[str, Any], bool]:
        """Accept a job: (the job that stands for the request, whether it is a new one).

        It is not new when a live job holds the unique key, or the idempotency key was used before for the same request.
        Raises InvalidInput, also for a scraper that is disabled, KeyReused, QueueFull, GenerationMissing.
        """
        key = request.idempotency_key
        name = await self.resolve(request.scraper_name)
        limits = await self._limits_of_enabled(name)
        spec = JobSpec(
            id=str(uuid.uuid4() if key is None else uuid.uuid5(IDEMPOTENCY_NAMESPACE, key)),
            scraper_name=name,
            ticker=request.ticker,
            priority=request.priority,
            max_retries=limits.max_retries if request.max_retries is None else request.max_retries,
            timeout_seconds=request.timeout_seconds,
            metadata=request.metadata,
            unique_key=request.unique_key,
            created_at=self._clock.now(),
        )
        return await self._enqueue(spec)

    async def change_priority(self, job_id: str, priority: JobPriority) -> dict[str, Any]:
        """Move a waiting job to the back of another queue. Raises JobNotFound, IllegalTransition, GenerationMissing."""
        reply = await rebuilding(self._runtime, lambda: self._runtime.commands.change_priority(job_id, priority))
        job = await self.find(job_id)
        if reply.code != "ok":
            raise IllegalTransition(job_id, job["status"], f"moved to {priority.value}: only a waiting job can")
        return job

    async def find(self, job_id: str) -> dict[str, Any]:
        """One job. Raises JobNotFound; StoreUnavailable when Redis does not know it and PostgreSQL is away."""
        return await self.listing.job(job_id)

    async def shown(self, job_id: str) -> dict[str, Any]:
        """One job; as `held` why it is not run now: sentences, or None when nothing holds it; as `result_metadata` what
        is to be known of its result, None until that is recorded. Raises as `find`.
        """
        job = await self.find(job_id)
        ended = JobStatus(job["status"]).ended
        return {
            **job,
            "held": await self._held(job) if job["status"] == JobStatus.PENDING else None,
            "result_metadata": await self._result_metadata(job_id) if ended else None,
        }

    async def _result_metadata(self, job_id: str) -> dict[str, Any] | None:
        try:
            recorded = await self.history.job(job_id)
        except StoreUnavailable as error:
            logger.warning("job {} is shown without the metadata of its result: {}", job_id, error)
            return None
        return None if recorded is None else recorded["result_metadata"]

    async def _held(self, job: Mapping[str, Any]) -> list[str] | None:
        name = job["scraper_name"]
        try:
            gates = await self._runtime.views.gates([fold(name)])
        except QueueUnavailable as error:
            logger.warning("job {} is shown without what holds it: {}", job["id"], error)
            return None
        lines = list(why_held(name, JobPriority(job["priority"]), gates, market_time))
        await self._runtime.limits.look()
        setting = self._runtime.limits.settings_of(name)["enabled"]
        if not setting.value and setting.detail:
            lines = [f"{line}, by {setting.detail}" if line.endswith(" is disabled") else line for line in lines]
        return lines or None

    async def attempts(self, job_id: str) -> list[dict[str, Any]]:
        """The attempts of a job that are recorded, the first one first. Raises JobNotFound, StoreUnavailable."""
        recorded = await self.history.attempts(job_id)
        if not recorded:
            await self.find(job_id)
        return recorded

    async def page(
        self, *, status: JobStatus | None, scraper_name: str | None, ticker: str | None, offset: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Jobs of a page, newest first, and how many match in all. Raises StoreUnavailable, InvalidInput."""
        names = () if scraper_name is None else await self._spellings(scraper_name)
        return await self.listing.page(Wanted(status, names, ticker), offset=offset, limit=limit)

    async def cancel(self, job_id: str) -> Cancelled:
        """Cancel a waiting job, or ask a running one to stop: the code is `cancelled` or `requested`.

        Raises JobNotFound, IllegalTransition for a job that has ended, GenerationMissing.
        """
        reply = await rebuilding(self._runtime, lambda: self._runtime.commands.cancel(job_id))
        if reply.code == "ended":
            raise IllegalTransition(job_id, str(reply.status), "cancelled")
        if reply.code == "unknown":
            recorded = await self.find(job_id)
            raise IllegalTransition(job_id, recorded["status"], "cancelled")
        return reply

    async def retry(self, job_id: str) -> tuple[dict[str, Any], bool]:
        """Run a job again: (the job to follow, whether it is a new one).

        A failed or cancelled job gets a successor that carries `retried_from`; one that waits for its retry becomes
        due now under its own id. Raises JobNotFound, IllegalTransition, QueueFull, GenerationMissing.
        """
        job = await self.find(job_id)
        if job["status"] == JobStatus.RETRY:
            before = await rebuilding(self._runtime, lambda: self._runtime.commands.make_due(job_id))
            if before is JobStatus.RETRY:
                return await self.find(job_id), False
            job = await self.find(job_id)
        if job["status"] not in (JobStatus.FAILED, JobStatus.CANCELLED):
            raise IllegalTransition(job_id, job["status"], "retried")
        await self._limits_of_enabled(job["scraper_name"])
        spec = JobSpec(
            id=str(uuid.uuid4()),
            scraper_name=job["scraper_name"],
            ticker=job["ticker"],
            priority=JobPriority(job["priority"]),
            max_retries=job["max_retries"],
            timeout_seconds=job["timeout_seconds"],
            metadata=job["metadata"],
            schedule_name=job["schedule_name"],
            retried_from=job_id,
            created_at=self._clock.now(),
        )
        return await self._enqueue(spec)

    async def summary(self, period: timedelta) -> dict[str, Any]:
        """Statistics of all results since `period` ago. Raises StoreUnavailable."""
        return await self.history.summary(self._since(period))

    async def by_scraper(self, period: timedelta) -> list[dict[str, Any]]:
        """The same for each scraper, by its full name, the busiest first. Raises StoreUnavailable.

        Scripts may push any spelling, and a job keeps the one that it was given.
        """
        try:
            elsewhere = await names_on_workers(self._runtime.views)
        except QueueUnavailable as error:
            logger.warning("scrapers that only workers have are counted by the names that jobs gave them: {}", error)
            elsewhere = {}
        return await self.history.by_scraper(self._since(period), partial(self._full_name, elsewhere))

    async def failures(
        self, period: timedelta, *, scraper_name: str | None, error_class: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """Equal failures since `period` ago put together, the most frequent first. Raises StoreUnavailable."""
        names = () if scraper_name is None else await self._spellings(scraper_name)
        return await self.history.failure_groups(
            self._since(period), scraper_names=names, error_class=error_class, limit=limit
        )

    async def resolve(self, name: str) -> str:
        """The full name of a scraper that is installed here, or that a live worker runs.

        Raises InvalidInput, naming what comes close.
        """
        return await resolve_scraper(name, self._runtime.registry, self._runtime.views)

    def _full_name(self, elsewhere: Mapping[str, str], name: str) -> str:
        try:
            return self._runtime.registry.resolve_known(name)
        except UnknownScraper:
            return elsewhere.get(fold(name), name)
        except InvalidInput:
            return name

    async def _spellings(self, name: str) -> tuple[str, ...]:
        """The names under which jobs of a scraper may be recorded: scripts may push any spelling."""
        try:
            full = await self.resolve(name)
        except BrokenScraper as error:
            full = error.canonical or name
        except InvalidInput:
            return (name,)
        return tuple(dict.fromkeys((full, name)))

    async def _limits_of_enabled(self, name: str) -> ScraperLimits:
        """The limits of a scraper that may have new jobs. Raises ScraperDisabled."""
        await self._runtime.limits.look()
        self._runtime.limits.check_enabled(name)
        return self._runtime.limits.of(name)

    async def _enqueue(self, spec: JobSpec) -> tuple[dict[str, Any], bool]:
        (accepted,) = await rebuilding(self._runtime, lambda: self._runtime.commands.enqueue([spec]))
        if accepted.code == "duplicate":
            return await self.find(accepted.job_id), False
        if accepted.code == "exists":
            known = await self.find(spec.id)
            if any(known[name] != getattr(spec, name) for name in ("scraper_name", "ticker", "metadata")):
                raise KeyReused(spec.id)
            return known, False
        document = msgspec.structs.asdict(spec) | {"status": JobStatus.PENDING.value, "priority": spec.priority.value}
        return present(document), True

    def _since(self, period: timedelta) -> datetime:
        return self._clock.now() - period
