"""Whether the system does its work: jobs are taken, run and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, Final, TypeVar

from loguru import logger

from pregao.api.queue_actions import forgotten
from pregao.domain.clock import Clock, SystemClock, market_iso
from pregao.domain.errors import PregaoError
from pregao.domain.job import JobPriority
from pregao.queue.gate_documents import held_document
from pregao.queue.gate_lines import breaker_line, market_time
from pregao.queue.gates import Gates
from pregao.queue.messages import QueueLengths
from pregao.queue.views import OutboxFacts, SchedulerFacts, WorkerFacts, told_holds
from pregao.runtime import Runtime
from pregao.store.history import History

PROBE_SECONDS = 3.0
LAG_SECONDS = 30.0
"""Facts older than this mean that the recorder stands still or cannot keep up."""
HTTP_STATUS: Final = {"healthy": 200, "degraded": 200, "unhealthy": 503}

Parked = Mapping[str, Mapping[JobPriority, int]]
T = TypeVar("T")


async def examine(runtime: Runtime, clock: Clock | None = None) -> dict[str, Any]:
    """The health report: status, redis, database, queue, timestamp, problems, components, and whether all is a sample.

    `unhealthy` when Redis is down, was emptied, or no worker takes jobs; `degraded` when jobs run but PostgreSQL or
    the recorder does not follow. Never raises for a component that is down; each has 3 s to answer.
    """
    history = History(runtime.pool)
    (generation, lengths, workers, schedulers, outbox, executions), held, _ = await asyncio.gather(
        asyncio.gather(
            _probe(runtime.commands.read_generation()),
            _probe(runtime.views.lengths()),
            _probe(runtime.views.workers()),
            _probe(runtime.views.schedulers()),
            _probe(runtime.views.outbox()),
            _probe(history.last_executions(1)),
        ),
        asyncio.gather(_probe(runtime.views.gates()), _probe(runtime.views.parked())),
        _probe(runtime.limits.look()),
    )
    gates, parked = held
    working = [worker for worker in workers or [] if worker.state == "working"]
    stopped = _what_stops_jobs(lengths, generation, working)
    behind = _what_keeps_records_back(executions, outbox)
    behind += [] if schedulers is None else _what_does_not_fire(schedulers)
    now = (clock or SystemClock()).now()
    behind += told_holds(workers or [])
    behind += [] if gates is None else forgotten(gates.controls, now)
    behind += _what_is_wrong_with_limits(runtime.limits.problems, workers or [])
    behind += [] if gates is None else _what_waits_for_somebody(gates)
    return {
        "status": "unhealthy" if stopped else "degraded" if behind else "healthy",
        "redis": "healthy" if lengths is not None else "unhealthy",
        "database": "healthy" if executions is not None else "unhealthy",
        "queue": None if lengths is None else counts(lengths, parked or {}),
        "timestamp": market_iso(now),
        "problems": stopped + behind,
        "components": {
            "workers": None if workers is None else _worker_component(workers),
            "recorder": None if outbox is None else _recorder_component(outbox),
            "scheduler": None if schedulers is None else _scheduler_component(schedulers, executions or []),
        },
        **({**held_document(Gates(now=now)), "paused": None} if gates is None else held_document(gates)),
        "sample": runtime.settings.sample,
    }


def counts(lengths: QueueLengths, parked: Parked) -> dict[str, int]:
    """Queue lengths as every door shows them; `parked` jobs are ready and held back, and count apart."""
    return {
        "high": lengths.high,
        "normal": lengths.normal,
        "low": lengths.low,
        "total": lengths.total,
        "delayed": lengths.delayed,
        "running": lengths.running,
        "parked": sum(count for by_priority in parked.values() for count in by_priority.values()),
    }


async def _probe(question: Awaitable[T]) -> T | None:
    """The answer; None when there is none in time."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await question
    except (PregaoError, TimeoutError) as error:
        logger.debug("health: no answer: {}", error or type(error).__name__)
        return None


def _what_stops_jobs(lengths: QueueLengths | None, generation: int | None, working: list[WorkerFacts]) -> list[str]:
    if lengths is None:
        return ["Redis cannot be reached: no job can be taken or run"]
    problems = []
    if generation is None:
        problems.append("Redis holds no generation marker: the queue waits to be rebuilt from PostgreSQL")
    if not working:
        problems.append("no worker is alive: jobs wait; start one with `pregao worker`")
    return problems


def _what_keeps_records_back(executions: list[dict[str, Any]] | None, outbox: OutboxFacts | None) -> list[str]:
    problems = []
    if executions is None:
        problems.append("PostgreSQL cannot be reached: jobs run, results wait in Redis, lists and statistics are off")
    if outbox is not None and outbox.lag_seconds > LAG_SECONDS:
        problems.append(f"recording is {outbox.lag_seconds:.0f} s behind, with {outbox.entries} facts waiting")
    if outbox is not None and outbox.dead:
        problems.append(f"PostgreSQL refused {outbox.dead} facts: they are kept in the stream outbox:dead")
    return problems


def _what_does_not_fire(schedulers: list[SchedulerFacts]) -> list[str]:
    if not schedulers:
        return ["no scheduler is alive: nothing fires; start one with `pregao scheduler`"]
    wrong = dict.fromkeys(problem for scheduler in schedulers for problem in scheduler.problems)
    return [f"schedule file: {problem}" for problem in wrong]


def _what_is_wrong_with_limits(here: list[str], workers: list[WorkerFacts]) -> list[str]:
    """The problems of the file of limits as this process sees it, and as workers on other hosts do."""
    wrong = dict.fromkeys([*here, *(problem for worker in workers for problem in worker.problems)])
    return [f"limits: {problem}" for problem in wrong]


def _what_waits_for_somebody(gates: Gates) -> list[str]:
    """Breakers that are not closed, and logins; what a source asked for is over by itself."""
    lines = [breaker_line(breaker, market_time) for breaker in gates.breakers.values()]
    return lines + [
        f"scraper {name} needs a login, and its jobs wait: {hold.why}" for name, hold in gates.logins.items()
    ]


def _worker_component(workers: list[WorkerFacts]) -> dict[str, Any]:
    return {
        "alive": len(workers),
        "working": sum(worker.state == "working" for worker in workers),
        "slots": sum(worker.slots for worker in workers),
        "used_slots": sum(worker.used_slots for worker in workers),
        "running": sum(worker.running for worker in workers),
        "held": sum(bool(worker.held) for worker in workers),
        "members": [
            {
                "id": worker.id,
                "state": worker.state,
                "slots": worker.slots,
                "used_slots": worker.used_slots,
                "running": worker.running,
                "browsers": worker.browsers,
                "used_browsers": worker.used_browsers,
                "memory_percent": worker.memory_percent,
                "held": worker.held or None,
                "holds": worker.holds,
                "heartbeat_at": market_iso(worker.heartbeat_at),
            }
            for worker in workers
        ],
    }


def _recorder_component(outbox: OutboxFacts) -> dict[str, Any]:
    return {
        "lag_seconds": round(outbox.lag_seconds, 3),
        "entries": outbox.entries,
        "bytes": outbox.bytes,
        "dead_facts": outbox.dead,
    }


def _scheduler_component(schedulers: list[SchedulerFacts], executions: list[dict[str, Any]]) -> dict[str, Any]:
    last = executions[0] if executions else None
    return {
        "alive": len(schedulers),
        "members": [
            {
                "id": scheduler.id,
                "schedules": scheduler.schedules,
                "problems": len(scheduler.problems),
                "heartbeat_at": market_iso(scheduler.heartbeat_at),
            }
            for scheduler in schedulers
        ],
        "last_schedule": last and last["schedule_name"],
        "last_fire_time": last and last["fire_time"],
        "last_outcome": last and last["outcome"],
    }
