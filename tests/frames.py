"""Frames of `pregao top` for tests: a sound system, changed where a test cares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pregao.domain.job import JobPriority
from pregao.queue.breakers import Breaker, FailureRun
from pregao.queue.complaints import Complaint
from pregao.queue.gates import Gates
from pregao.queue.overview import Overview, RunningJob, Share
from pregao.queue.views import OutboxFacts, SchedulerFacts, WorkerFacts
from pregao.system.banner import Firing
from pregao.top.frame import Failure, Frame

NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
AWAY = "Redis cannot be reached (Connection refused); check REDIS_URL, or start it with `pregao up`"


def a_share(high: int = 0, normal: int = 0, low: int = 0, *, total: int | None = None) -> Share:
    counts = dict(zip(JobPriority, (high, normal, low), strict=True))
    return Share(high + normal + low if total is None else total, counts)


def a_worker(number: int = 1, **changes: Any) -> WorkerFacts:
    sound: dict[str, Any] = {
        "id": f"host-{number}:{number}:abc", "host": f"host-{number}", "pid": 1000 + number, "slots": 3, "running": 1,
        "used_slots": 2,
        "version": "0.1.0", "heartbeat_at": NOW - timedelta(seconds=2),
    }  # fmt: skip
    return WorkerFacts(**(sound | changes))


def a_running_job(number: int = 1, **changes: Any) -> RunningJob:
    sound: dict[str, Any] = {
        "id": f"00000000-0000-0000-0000-{number:012}", "scraper_name": "B3", "ticker": f"PETR{number}",
        "priority": "high", "attempt": 1, "worker": "host-1:1001:abc", "started_at": NOW - timedelta(seconds=number),
        "lease_ends_at": NOW + timedelta(seconds=10), "cancel_requested": False,
    }  # fmt: skip
    return RunningJob(**(sound | changes))


def a_failure(number: int = 1, **changes: Any) -> Failure:
    sound: dict[str, Any] = {
        "ended_at": f"2026-11-24T15:{number:02}:00.000-03:00", "job_id": f"00000000-0000-0000-0000-{number:012}",
        "scraper_name": "BCB", "ticker": "SELIC", "attempt": 2, "status": "failed", "error_class": "network",
        "error": f"failure number {number}", "worker": "host-1:1001:abc",
    }  # fmt: skip
    return Failure(**(sound | changes))


def a_firing(number: int = 1, **changes: Any) -> Firing:
    sound: dict[str, Any] = {
        "at": NOW + timedelta(minutes=number), "name": f"schedule_{number}", "scraper": "B3", "jobs": 10
    }  # fmt: skip
    return Firing(**(sound | changes))


def a_queue(**changes: Any) -> Overview:
    sound: dict[str, Any] = {
        "now": NOW, "generation": 7, "ready": a_share(), "delayed": a_share(), "running": a_share(),
        "outbox": OutboxFacts(entries=0, bytes=0, oldest_at=None, dead=0, now=NOW), "workers": [a_worker()],
        "schedulers": [SchedulerFacts(id="host-1:9:abc", schedules=15, heartbeat_at=NOW)], "running_jobs": [],
        "parked": {}, "gates": Gates(now=NOW),
    }  # fmt: skip
    return Overview(**(sound | changes))


def a_breaker(scraper: str = "b3", **changes: Any) -> Breaker:
    sound: dict[str, Any] = {
        "scraper": scraper, "state": "open", "since": NOW - timedelta(minutes=2), "until": NOW + timedelta(seconds=75),
        "who": "breaker", "why": "timed out after 60 s", "run": FailureRun("timeout", 5),
    }  # fmt: skip
    return Breaker(**(sound | changes))


def a_complaint(kind: str = "host", name: str = "b3.com.br", **changes: Any) -> Complaint:
    sound: dict[str, Any] = {
        "kind": kind, "name": name, "until": NOW + timedelta(minutes=3), "level": 4,
        "counted_from": NOW + timedelta(minutes=3),
    }  # fmt: skip
    return Complaint(**(sound | changes))


def parked_jobs(number: int) -> dict[JobPriority, int]:
    return {JobPriority.HIGH: 0, JobPriority.NORMAL: number, JobPriority.LOW: 0}


def a_frame(*, queue: Overview | None = None, **changes: Any) -> Frame:
    sound = Frame(
        taken_at=NOW,
        redis_address="redis://127.0.0.1:6379/0",
        queue=a_queue() if queue is None else queue,
        queue_problem=None,
        database_address="postgresql://pregao@127.0.0.1:5432/pregao",
        failures=[],
        store_problem=None,
        firings=[],
        schedule_problems=[],
    )
    return msgspec.structs.replace(sound, **changes)


def a_frame_without_redis(**changes: Any) -> Frame:
    return msgspec.structs.replace(a_frame(**changes), queue=None, queue_problem=AWAY)
