"""What goes into the queue's commands and what comes out of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec
import orjson

from pregao.domain.failure import FailureClass
from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.queue.facts import AttemptReport

EnqueueCode = Literal["created", "exists", "duplicate"]
FireReply = Literal["fired", "already", "early"]
SettleCode = Literal["ok", "dup", "stale"]
Renewal = Literal["ok", "cancel", "lost"]
PriorityCode = Literal["ok", "refused", "unknown"]
CancelCode = Literal["cancelled", "requested", "ended", "unknown"]
ClaimCode = Literal["ok", "full", "behind", "unknown", "refused"]


class Enqueued(msgspec.Struct, frozen=True):
    """What became of one request; `job_id` is the job that now stands for it."""

    code: EnqueueCode
    job_id: str


class Claim(msgspec.Struct, frozen=True):
    """One attempt that this worker holds. `raw_document` is the job's JSON as it stands in Redis.

    `weight` is how many slots it takes.
    """

    spec: JobSpec
    token: str
    attempt: int
    retry_count: int
    raw_document: bytes = b"{}"
    weight: int = 1

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.spec.id

    @property
    def document(self) -> dict[str, Any]:
        """The whole document; its `error` is that of the attempt before, if there was one."""
        values: dict[str, Any] = orjson.loads(self.raw_document)
        return values


class Ration(NamedTuple):
    """How many jobs a worker can take now of scrapers that need what it has little of.

    `scrapers` are their folded names, with commas; `left` is for all of them together. What is more is left to others.
    """

    scrapers: str
    left: int


NO_RATION = Ration("", 0)
"""No scraper is rationed."""


class ForeignJob(msgspec.Struct, frozen=True):
    """What another producer left in a queue without our scripts: the id, the queue, and the document behind it."""

    job_id: str
    queue: JobPriority
    document: bytes


class Claims(msgspec.Struct, frozen=True):
    """Answer to a claim. `unreadable` are attempts whose document is missing or no JSON: (id, token, problem).

    `foreign` are jobs to be adopted (`pregao.queue.adoption`): until then nobody can run them.
    `server_ms` is the time of the claim by the server's clock.
    """

    code: ClaimCode
    claims: list[Claim]
    unreadable: list[tuple[str, str, str]]
    foreign: list[ForeignJob] = []
    server_ms: int | None = None

    @property
    def empty(self) -> bool:
        """Whether there was nothing to take."""
        return not (self.claims or self.unreadable or self.foreign)


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an attempt: what the worker found out. `result_json` is the scraped data as JSON bytes.

    `killed` is an attempt whose process died: it spends no retry, but the third such loss fails the job. A failure that
    `counts` speaks against the scraper: enough of one class in a row open its breaker.
    """

    claim: Claim
    completed: bool
    killed: bool = False
    report: AttemptReport
    retryable: bool = False
    counts: bool = False
    delay_ms: int = 0
    result_json: bytes | None = None


def unreadable_settlement(job_id: str, token: str, problem: str, now: datetime) -> Settlement:
    """The end of an attempt whose document is missing or was overwritten: nothing is known but its id."""
    spec = JobSpec(id=job_id, scraper_name="unknown", created_at=now)
    report = AttemptReport(error=problem, error_class=FailureClass.PERMANENT.value)
    return Settlement(claim=Claim(spec, token, 1, 0), completed=False, report=report)


class Settled(msgspec.Struct, frozen=True):
    """Answer to one settlement or release: `state` is the job's state now, None when Redis does not know it."""

    code: SettleCode
    state: JobStatus | None


class Cancelled(msgspec.Struct, frozen=True):
    """Answer to a cancel; `status` is the job's status now."""

    code: CancelCode
    status: JobStatus | None


class Reprioritized(msgspec.Struct, frozen=True):
    """Answer to a change of priority; `status` is the job's status, None when it is unknown."""

    code: PriorityCode
    status: JobStatus | None


class Tick(msgspec.Struct, frozen=True):
    """What a tick found: the clock jump it corrected, retries due, leases expired, ms until the next of either.

    `neighbours` are the workers at the place of whoever ticked: their ids, and `pid/start` of each.
    """

    corrected_ms: int
    due: int
    expired: int
    next_in_ms: int | None
    neighbours: dict[str, str] = {}


class RestoredJob(msgspec.Struct, frozen=True, kw_only=True):
    """An unfinished job as PostgreSQL remembers it, on its way back into Redis."""

    spec: JobSpec
    state: JobStatus
    attempt: int
    retry_count: int
    lost_count: int
    version: int
    due_at: datetime | None = None
    error: str | None = None


class QueueLengths(msgspec.Struct, frozen=True):
    """Jobs by where they are: ready in each queue, waiting for a retry, running."""

    high: int
    normal: int
    low: int
    delayed: int
    running: int

    @property
    def total(self) -> int:
        """Ready jobs of all priorities."""
        return self.high + self.normal + self.low

    def of(self, priority: JobPriority) -> int:
        """Ready jobs of one priority."""
        return int(getattr(self, priority.value))
