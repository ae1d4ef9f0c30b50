"""What should not be in Redis, or not be where it is. Nothing here changes anything.

Looking at every job takes a while, and jobs move meanwhile: what seems to be out of place is looked at again, and at
last in one transaction, before it is reported.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from itertools import islice

import msgspec
import redis.asyncio as redis_async
from redis.exceptions import RedisError

from pregao.domain.job import JobPriority, JobStatus
from pregao.queue.keys import DEFAULT_PREFIX, Keys
from pregao.queue.replies import translate
from pregao.queue.views import answered

PAGE = 1000
UNRECLAIMED_MS = 5_000
"""Every worker reclaims once a second: a lease that ended so long ago is nobody's concern."""
CERTAIN_LIMIT = 100
"""Jobs out of place that are looked at in a transaction each; beyond it, there are at least so many."""


class Misplaced(msgspec.Struct, frozen=True):
    """A live job that is not where its state says, so that nobody will ever take it."""

    job_id: str
    status: JobStatus
    priority: str
    scraper: str


class Leftovers(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `unreclaimed` are ids of running jobs whose lease is over; `lasting_claims` keys without expiry.

    `jobs` is how many documents Redis knows, ended ones included.
    """

    jobs: int
    misplaced: list[Misplaced]
    unreclaimed: list[str]
    orphans: int
    lasting_claims: list[str]


async def find_leftovers(redis: redis_async.Redis, prefix: str = DEFAULT_PREFIX) -> Leftovers:
    """Look through the whole queue. Raises QueueUnavailable, QueueError."""
    keys = Keys(prefix)
    jobs, live = await _live_jobs(redis, keys)
    suspects = await _still_as_they_were(redis, keys, await _nowhere(redis, keys, live))
    certain = [job for job in islice(suspects, CERTAIN_LIMIT) if await _is_misplaced(redis, keys, job)]
    seconds, micros = await answered(redis.time())
    over_ms = seconds * 1000 + micros // 1000 - UNRECLAIMED_MS
    return Leftovers(
        jobs=jobs,
        misplaced=certain,
        unreclaimed=[i.decode() for i in await answered(redis.zrangebyscore(keys.running, "-inf", over_ms))],
        orphans=int(await answered(redis.llen(keys.orphans))),
        lasting_claims=await _lasting_claims(redis, keys),
    )


async def _live_jobs(redis: redis_async.Redis, keys: Keys) -> tuple[int, list[Misplaced]]:
    """How many jobs Redis knows, and those that have not ended, wherever they are."""
    live: list[Misplaced] = []
    seen: set[str] = set()
    start, end = len(keys.meta("")) - len(":meta"), -len(":meta")
    async for page in _pages(redis, keys.meta("*")):
        ids = {key.decode(errors="replace")[start:end] for key in page} - seen
        seen |= ids
        live += [job for job in await _states(redis, keys, ids) if not job.status.ended]
    return len(seen), live


async def _states(redis: redis_async.Redis, keys: Keys, job_ids: Iterable[str]) -> list[Misplaced]:
    ids = list(job_ids)
    async with redis.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hmget(keys.meta(job_id), "state", "priority", "scraper")
        answers = await answered(pipe.execute())
    return [
        Misplaced(job_id, JobStatus(state.decode()), (priority or b"").decode(), (scraper or b"").decode())
        for job_id, (state, priority, scraper) in zip(ids, answers, strict=True)
        if state is not None
    ]


async def _nowhere(redis: redis_async.Redis, keys: Keys, live: list[Misplaced]) -> list[Misplaced]:
    places: dict[JobStatus, set[bytes]] = {
        JobStatus.PENDING: set(),
        JobStatus.RETRY: set(await answered(redis.zrange(keys.delayed, 0, -1))),
        JobStatus.RUNNING: set(await answered(redis.zrange(keys.running, 0, -1))),
    }
    parked = [scraper.decode() for scraper in await answered(redis.smembers(keys.parked))]
    for priority in JobPriority:
        for key in (keys.ready(priority), *(keys.parked_jobs(scraper, priority) for scraper in parked)):
            places[JobStatus.PENDING].update(await answered(redis.lrange(key, 0, -1)))
    return [job for job in live if job.job_id.encode() not in places[job.status]]


async def _still_as_they_were(redis: redis_async.Redis, keys: Keys, suspects: list[Misplaced]) -> list[Misplaced]:
    """Those whose state is the same after all of this time: the others had simply moved on."""
    now = {job.job_id: job for job in await _states(redis, keys, [job.job_id for job in suspects])} if suspects else {}
    return [job for job in suspects if now.get(job.job_id) == job]


async def _is_misplaced(redis: redis_async.Redis, keys: Keys, job: Misplaced) -> bool:
    """Whether it is out of place for certain: all in one transaction."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hget(keys.meta(job.job_id), "state")
        pipe.zscore(keys.delayed, job.job_id)
        pipe.zscore(keys.running, job.job_id)
        for priority in JobPriority:
            pipe.lpos(keys.ready(priority), job.job_id)
            pipe.lpos(keys.parked_jobs(job.scraper, priority), job.job_id)
        state, delayed, running, *ready = await answered(pipe.execute())
    place = {JobStatus.RETRY: delayed, JobStatus.RUNNING: running}
    there = place[job.status] is not None if job.status in place else any(at is not None for at in ready)
    return bool(state == job.status.value.encode() and not there)


async def _lasting_claims(redis: redis_async.Redis, keys: Keys) -> list[str]:
    found: list[str] = []
    async for page in _pages(redis, f"{keys.prefix}wclaim:*"):
        async with redis.pipeline(transaction=False) as pipe:
            for key in page:
                pipe.pttl(key)
            answers = await answered(pipe.execute())
        found += [key.decode() for key, left_ms in zip(page, answers, strict=True) if left_ms == -1]
    return found


async def _pages(redis: redis_async.Redis, pattern: str) -> AsyncIterator[list[bytes]]:
    """Keys that match, a page at a time, each once or more often. Only the last `*` of `pattern` is a wildcard."""
    literal, _, end = pattern.rpartition("*")
    escaped = re.sub(r"([\[\]*?\\^])", r"\\\1", literal)
    page: dict[bytes, None] = {}
    try:
        async for key in redis.scan_iter(match=f"{escaped}*{end}", count=PAGE):
            page[key] = None
            if len(page) >= PAGE:
                yield list(page)
                page.clear()
    except RedisError as error:
        raise translate(error) from error
    if page:
        yield list(page)
