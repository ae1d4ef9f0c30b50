"""Who works on the queue: workers and schedulers that live, and whether they are of one version."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime

import redis.asyncio as redis_async

from pregao.doctor.finding import Finding, error, ok, warning
from pregao.queue.overview import Overview, read_overview
from pregao.queue.views import SchedulerFacts, WorkerFacts, is_alive, told_holds
from pregao.settings import Settings
from pregao.version import running_version

Member = WorkerFacts | SchedulerFacts
_CURE_OF_HOLDS = (
    "end what takes the memory, give the worker fewer slots or more memory, or raise PREGAO_MEMORY_HIGH_PERCENT"
)


async def look_at_members(redis: redis_async.Redis, settings: Settings) -> AsyncIterator[Finding]:
    """Workers, schedulers, versions. Raises QueueUnavailable, QueueError."""
    overview = await read_overview(redis, settings.key_prefix)
    workers = [worker for worker in overview.workers if is_alive(worker, overview.now)]
    schedulers = [scheduler for scheduler in overview.schedulers if is_alive(scheduler, overview.now)]
    yield _workers(workers, overview)
    for held in told_holds(workers):
        yield warning("workers", held, _CURE_OF_HOLDS)
    for finding in _schedulers(schedulers, overview):
        yield finding
    if different := _versions([*workers, *schedulers]):
        yield different


def _workers(alive: Sequence[WorkerFacts], overview: Overview) -> Finding:
    if alive:
        return ok("workers", f"{len(alive)} alive with {sum(worker.slots for worker in alive)} slots")
    detail = f"none is alive{_last_heard(overview.workers, overview.now)}"
    cure = "pregao worker, or pregao up"
    if overview.ready.total:
        return error("workers", f"{detail}, and {overview.ready.total} jobs wait", cure)
    return warning("workers", detail, cure)


def _schedulers(alive: Sequence[SchedulerFacts], overview: Overview) -> Iterator[Finding]:
    if not alive:
        detail = f"none is alive, so that nothing fires{_last_heard(overview.schedulers, overview.now)}"
        yield warning("schedulers", detail, "pregao scheduler, or pregao up")
        return
    counts = sorted({scheduler.schedules for scheduler in alive})
    if len(counts) > 1:
        detail = f"{len(alive)} are alive and do not fire the same schedules: {' or '.join(map(str, counts))} of them"
        yield warning("schedulers", detail, "give all hosts the same schedule file and the same scrapers")
    else:
        yield ok("schedulers", f"{len(alive)} alive, {counts[0]} schedules fire")
    for problem in dict.fromkeys(problem for scheduler in alive for problem in scheduler.problems):
        yield warning("schedulers", f"its schedule file has a problem: {problem}", "correct the file on its host")


def _versions(alive: Sequence[Member]) -> Finding | None:
    """What there is to say when they, and this command, are not of one version."""
    counted = Counter(member.version or "unknown" for member in alive)
    here = running_version()
    if len(counted | Counter({here: 1} if here else {})) <= 1:
        return None
    told = ", ".join(f"{count} of version {version}" for version, count in sorted(counted.items()))
    detail = f"workers and schedulers are not of one version: {told}; this command is {here or 'not installed'}"
    return warning("versions", detail, "install the same version everywhere, and start the older ones again")


def _last_heard(members: Sequence[Member], now: datetime) -> str:
    heard = [member.heartbeat_at for member in members if member.heartbeat_at is not None]
    return f" (the last one was heard {(now - max(heard)).total_seconds():.0f} s ago)" if heard else ""
