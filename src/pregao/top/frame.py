"""What one look at the system shows: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from pregao.domain.clock import market_iso
from pregao.domain.job import JobPriority
from pregao.queue.gate_documents import held_document
from pregao.queue.overview import Overview, RunningJob, Share
from pregao.queue.views import SchedulerFacts, WorkerFacts, is_alive, told_holds
from pregao.system.banner import Firing

LAG_SECONDS = 30.0
"""Facts older than this mean that the recorder stands still or cannot keep up."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that failed or lost its lease; `status` is what its job is now, `ended_at` ISO 8601."""

    ended_at: str
    job_id: str
    scraper_name: str
    ticker: str | None
    attempt: int
    status: str
    error_class: str | None
    error: str | None
    worker: str


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One look. A server that did not answer has a problem in place of its part: `queue` or `failures` is None.

    `taken_at` is Redis's time while it answers, else this host's; aware UTC. Addresses carry no password.
    """

    taken_at: datetime
    redis_address: str
    queue: Overview | None
    queue_problem: str | None
    database_address: str
    failures: list[Failure] | None
    store_problem: str | None
    firings: list[Firing]
    schedule_problems: list[str]

    @property
    def is_whole(self) -> bool:
        """Whether both servers answered."""
        return self.queue is not None and self.failures is not None

    def problems(self) -> list[str]:
        """What keeps the system from its work, in sentences; the gravest first."""
        found = [problem for problem in (self.queue_problem, self.store_problem) if problem is not None]
        if self.queue is not None:
            found += _queue_problems(self.queue)
        return found + [f"schedule file: {problem}" for problem in self.schedule_problems]

    def document(self) -> dict[str, Any]:
        """The frame as JSON knows it. Times are ISO 8601 in São Paulo's offset; null stands for what is not known."""
        return {
            "taken_at": market_iso(self.taken_at),
            "problems": self.problems(),
            "redis": {"address": self.redis_address, "problem": self.queue_problem},
            "postgresql": {"address": self.database_address, "problem": self.store_problem},
            **_queue_document(self.queue),
            "next_firings": [
                {
                    "fire_time": market_iso(firing.at),
                    "schedule_name": firing.name,
                    "scraper_name": firing.scraper,
                    "jobs": firing.jobs,
                }
                for firing in self.firings
            ],
            "failures": None if self.failures is None else [msgspec.structs.asdict(one) for one in self.failures],
        }


def _queue_problems(queue: Overview) -> list[str]:
    found = []
    if queue.generation is None:
        found.append("Redis holds no generation marker: the queue waits to be rebuilt from PostgreSQL")
    if not any(is_alive(worker, queue.now) for worker in queue.workers):
        found.append("no worker is alive: jobs wait; start one with `pregao worker`")
    found += told_holds([worker for worker in queue.workers if is_alive(worker, queue.now)])
    if not any(is_alive(scheduler, queue.now) for scheduler in queue.schedulers):
        found.append("no scheduler is alive: nothing fires; start one with `pregao scheduler`")
    if queue.outbox.lag_seconds > LAG_SECONDS:
        found.append(f"recording is {queue.outbox.lag_seconds:.0f} s behind, {queue.outbox.entries} facts wait")
    if queue.outbox.dead:
        found.append(f"PostgreSQL refused {queue.outbox.dead} facts: `pregao doctor` says what to do")
    return found


def _queue_document(queue: Overview | None) -> dict[str, Any]:
    if queue is None:
        return dict.fromkeys(("queue", "held", "outbox", "workers", "schedulers", "running_jobs"))
    return {
        "queue": {
            "generation": queue.generation,
            "ready": _share_document(queue.ready),
            "delayed": _share_document(queue.delayed),
            "running": _share_document(queue.running),
            "parked": _parked_document(queue.parked),
        },
        "held": held_document(queue.gates),
        "outbox": {
            "entries": queue.outbox.entries,
            "bytes": queue.outbox.bytes,
            "lag_seconds": round(queue.outbox.lag_seconds, 3),
            "dead": queue.outbox.dead,
        },
        "workers": [_member_document(worker, queue.now) for worker in queue.workers],
        "schedulers": [_member_document(scheduler, queue.now) for scheduler in queue.schedulers],
        "running_jobs": [_job_document(job, queue.now) for job in queue.running_jobs],
    }


def _share_document(share: Share) -> dict[str, int | None]:
    counts = {priority.value: n if share.is_complete else None for priority, n in share.by_priority.items()}
    return {**counts, "total": share.total}


def _parked_document(parked: Mapping[str, Mapping[JobPriority, int]]) -> dict[str, int]:
    counts = {priority.value: sum(by[priority] for by in parked.values()) for priority in JobPriority}
    return {**counts, "total": sum(counts.values())}


def _member_document(member: WorkerFacts | SchedulerFacts, now: datetime) -> dict[str, Any]:
    facts = {name: value for name, value in msgspec.structs.asdict(member).items() if name not in _NOT_SHOWN}
    return {**facts, "alive": is_alive(member, now), "heartbeat_at": market_iso(member.heartbeat_at)}


def _job_document(job: RunningJob, now: datetime) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(job),
        "started_at": market_iso(job.started_at),
        "lease_ends_at": market_iso(job.lease_ends_at),
        "running_seconds": None if job.started_at is None else round((now - job.started_at).total_seconds(), 3),
    }


_NOT_SHOWN = ("started_at", "scrapers")
