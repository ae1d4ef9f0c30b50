"""The whole queue at a glance: two round trips, whatever there is in it. Nothing here changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
import redis.asyncio as redis_async
from loguru import logger
from redis.asyncio.client import Pipeline

from pregao.domain.clock import from_ms
from pregao.domain.job import JobPriority
from pregao.queue.bounds import Question, ask_for_counts, questions, read_bounds
from pregao.queue.gates import Gates, ask_for_gates, read_gates
from pregao.queue.keys import DEFAULT_PREFIX, Keys
from pregao.queue.views import (
    OutboxFacts,
    SchedulerFacts,
    WorkerFacts,
    answered,
    ask_for_parked,
    outbox_facts,
    read_heartbeats,
    read_parked,
    server_time,
    texts,
)

DETAILED_LIMIT = 500
"""Delayed and running jobs, each, that are looked at one by one; beyond it only their number is known."""

_RUNNING_FIELDS = ("attempt", "worker", "started", "cancel")


class _Request(msgspec.Struct, frozen=True):
    """What is told of a running job out of its document."""

    priority: str
    scraper_name: str | None = None
    ticker: str | None = None


class RunningJob(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that is under way. Times are the server's, aware UTC; None for what its record does not say."""

    id: str
    scraper_name: str
    ticker: str | None
    priority: str
    attempt: int
    worker: str
    started_at: datetime | None
    lease_ends_at: datetime
    cancel_requested: bool


class Share(msgspec.Struct, frozen=True):
    """Jobs in one state: how many in all, and by priority as far as they were looked at one by one."""

    total: int
    by_priority: dict[JobPriority, int]

    @property
    def is_complete(self) -> bool:
        """Whether each of them is counted under its priority."""
        return sum(self.by_priority.values()) == self.total


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The queue at `now`, the server's time. `generation` None means that this Redis is new or was emptied.

    `workers` and `schedulers` are all that left a heartbeat, fresh or not (`views.is_alive` tells); scripts that drive
    jobs by hand are not among them. `running_jobs` have the one that runs for longest in front. `parked` are the jobs
    that `gates` hold back, by folded scraper name.
    """

    now: datetime
    generation: int | None
    ready: Share
    delayed: Share
    running: Share
    outbox: OutboxFacts
    workers: list[WorkerFacts]
    schedulers: list[SchedulerFacts]
    running_jobs: list[RunningJob]
    parked: dict[str, dict[JobPriority, int]]
    gates: Gates


async def read_overview(redis: redis_async.Redis, prefix: str = DEFAULT_PREFIX) -> Overview:
    """Look at everything once. Raises QueueUnavailable, and QueueError when a key is not what it should be."""
    keys = Keys(prefix)
    async with redis.pipeline(transaction=True) as pipe:
        _ask_for_everything(pipe, keys)
        (
            time, generation, high, normal, low, delayed_total, running_total, delayed_ids, leases,
            workers, schedulers, entries, size, oldest, dead, scrapers, *hashes,
        ) = await answered(pipe.execute())  # fmt: skip
    now = server_time(time)
    gates = read_gates(now, *hashes)
    asked = questions(gates.rules, gates.hosts, texts(scrapers))
    delayed_priorities, jobs, parked, counts = await _details(redis, keys, delayed_ids, leases, scrapers, asked)
    ready = dict(zip(JobPriority, (high, normal, low), strict=True))
    return Overview(
        now=now,
        generation=int(generation) if generation is not None and generation.isdigit() else None,
        ready=Share(high + normal + low, ready),
        delayed=_share(delayed_total, delayed_priorities),
        running=_share(running_total, [job.priority for job in jobs]),
        outbox=outbox_facts(now, entries, size, oldest, dead),
        workers=[worker for worker in read_heartbeats(workers, WorkerFacts) if worker.slots],
        schedulers=read_heartbeats(schedulers, SchedulerFacts),
        running_jobs=sorted(jobs, key=lambda job: (job.started_at or now, job.id)),
        parked=parked,
        gates=msgspec.structs.replace(gates, bounds=read_bounds(now, asked, counts)),
    )


def _ask_for_everything(pipe: Pipeline, keys: Keys) -> None:
    pipe.time()
    pipe.get(keys.generation)
    for priority in JobPriority:
        pipe.llen(keys.ready(priority))
    pipe.zcard(keys.delayed)
    pipe.zcard(keys.running)
    pipe.zrange(keys.delayed, 0, DETAILED_LIMIT - 1)
    pipe.zrange(keys.running, 0, DETAILED_LIMIT - 1, withscores=True)
    pipe.hgetall(keys.workers)
    pipe.hgetall(keys.schedulers)
    pipe.xlen(keys.outbox)
    pipe.get(keys.outbox_bytes)
    pipe.xrange(keys.outbox, count=1)
    pipe.xlen(keys.outbox_dead)
    pipe.smembers(keys.parked)
    ask_for_gates(pipe, keys)


async def _details(
    redis: redis_async.Redis,
    keys: Keys,
    delayed_ids: Sequence[bytes],
    leases: Sequence[tuple[bytes, float]],
    scrapers: Collection[bytes],
    asked: Sequence[Question],
) -> tuple[list[str], list[RunningJob], dict[str, dict[JobPriority, int]], list[Any]]:
    """The priorities of the delayed jobs, the running ones, how many are parked of each of `scrapers`, and the counts
    that are `asked` for.

    What has left its state meanwhile is left out.
    """
    if not delayed_ids and not leases and not scrapers:
        return [], [], {}, []
    async with redis.pipeline(transaction=False) as pipe:
        for job_id in delayed_ids:
            pipe.hget(keys.meta(job_id.decode()), "priority")
        for job_id, _ in leases:
            pipe.get(keys.data(job_id.decode()))
            pipe.hmget(keys.meta(job_id.decode()), *_RUNNING_FIELDS)
        ask_for_counts(pipe, keys, asked)
        ask_for_parked(pipe, keys, scrapers)
        answers = iter(await answered(pipe.execute()))
    priorities = [value.decode() for value in islice(answers, len(delayed_ids)) if value is not None]
    looked_at = list(islice(answers, 2 * len(leases)))
    counts = list(islice(answers, len(asked)))
    running = zip(leases, looked_at[::2], looked_at[1::2], strict=True)
    jobs = [_running_job(*lease, document, fields) for lease, document, fields in running if document is not None]
    return priorities, jobs, read_parked(scrapers, answers), counts


def _running_job(job_id: bytes, lease_ends_ms: float, document: bytes, fields: Sequence[bytes | None]) -> RunningJob:
    attempt, worker, started, cancel = fields
    request = _request(job_id, document)
    return RunningJob(
        id=job_id.decode(),
        scraper_name=request.scraper_name or "",
        ticker=request.ticker,
        priority=request.priority,
        attempt=int(attempt or 0),
        worker=(worker or b"").decode(),
        started_at=from_ms(int(started)) if started else None,
        lease_ends_at=from_ms(int(lease_ends_ms)),
        cancel_requested=cancel == b"1",
    )


def _request(job_id: bytes, document: bytes) -> _Request:
    try:
        return msgspec.json.decode(document, type=_Request)
    except msgspec.MsgspecError as error:
        logger.warning("the document of the running job {} cannot be read: {}", job_id.decode(), error)
        return _Request("")


def _share(total: int, priorities: Sequence[str]) -> Share:
    counted = Counter(priorities)
    return Share(total, {priority: counted[priority.value] for priority in JobPriority})
