"""The queue in Redis: whether PostgreSQL knows it and follows it, and what lies around in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import redis.asyncio as redis_async

from pregao.doctor.finding import Finding, error, named, ok, warning
from pregao.domain.job import JobPriority, JobStatus
from pregao.queue.commands import QueueCommands
from pregao.queue.keys import Keys
from pregao.queue.leftovers import Leftovers, Misplaced, find_leftovers
from pregao.queue.views import QueueViews
from pregao.settings import Settings

LAG_SECONDS = 30.0
"""Facts older than this mean that the recorder stands still or cannot keep up."""


async def look_at_generation(redis: redis_async.Redis, settings: Settings) -> AsyncIterator[Finding]:
    """Whether this Redis is one that PostgreSQL may know. Raises QueueUnavailable, QueueError."""
    if await QueueCommands(redis, settings.key_prefix).read_generation() is None:
        detail = "Redis holds no generation marker: it is new or was emptied"
        yield error("queue", detail, "start a worker, which rebuilds it from PostgreSQL, or run `pregao recover`")


async def look_at_outbox(redis: redis_async.Redis, settings: Settings) -> AsyncIterator[Finding]:
    """How far PostgreSQL is behind, and what it refused. Raises QueueUnavailable, QueueError."""
    views = QueueViews(redis, settings.key_prefix)
    outbox, dead = await views.outbox(), views.keys.outbox_dead
    waiting = f"{outbox.entries} facts wait to be recorded, the oldest for {outbox.lag_seconds:.0f} s"
    if outbox.lag_seconds > LAG_SECONDS:
        yield warning("recorder", waiting, "see the log of the worker's recorder; can it reach PostgreSQL?")
    else:
        yield ok("recorder", waiting if outbox.entries else "nothing waits to be recorded")
    if outbox.dead:
        cure = f"read why: XRANGE {dead} - + COUNT 10; when nobody needs them: DEL {dead}"
        yield warning("recorder", f"PostgreSQL refused {outbox.dead} facts; they are kept in {dead}", cure)


async def look_at_leftovers(redis: redis_async.Redis, settings: Settings) -> AsyncIterator[Finding]:
    """What is in the queue and should not be, or not there. Raises QueueUnavailable, QueueError."""
    left = await find_leftovers(redis, settings.key_prefix)
    found = list(_leftovers(left, Keys(settings.key_prefix)))
    for finding in found or [ok("leftovers", f"each of {left.jobs} jobs in Redis is where it belongs")]:
        yield finding


def _leftovers(left: Leftovers, keys: Keys) -> Iterator[Finding]:
    if left.orphans:
        detail = f"{left.orphans} ids were pushed without a job behind them; they are kept in {keys.orphans}"
        cure = f"look who pushes them: LRANGE {keys.orphans} 0 9; afterwards: DEL {keys.orphans}"
        yield warning("leftovers", detail, cure)
    for status in dict.fromkeys(job.status for job in left.misplaced):
        jobs = [job for job in left.misplaced if job.status is status]
        ids = named([job.job_id for job in jobs])
        detail = f"{len(jobs)} jobs are {status.value} and in no list, so that nobody takes them: {ids}"
        cure = f"find who takes ids out of our lists, and put each back: {_put_back(jobs[0], keys)}"
        yield error("leftovers", detail, cure)
    if left.unreclaimed:
        detail = f"{len(left.unreclaimed)} jobs run under a lease that is over: {named(left.unreclaimed)}"
        yield error("leftovers", detail, "start a worker: it takes them back at once (pregao worker, or pregao up)")
    if left.lasting_claims:
        detail = f"{len(left.lasting_claims)} records of claims never expire: {named(left.lasting_claims)}"
        yield warning("leftovers", detail, f"DEL {' '.join(left.lasting_claims[:1])}, and the others like it")


def _put_back(job: Misplaced, keys: Keys) -> str:
    """The command that puts a job where its state says it is; a running one under a lease that is over."""
    match job.status:
        case JobStatus.PENDING:
            return f"LPUSH {keys.ready(JobPriority(job.priority))} {job.job_id}"
        case JobStatus.RETRY:
            return f"ZADD {keys.delayed} 0 {job.job_id}"
        case _:
            return f"ZADD {keys.running} 0 {job.job_id}"
