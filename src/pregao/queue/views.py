"""Reading the queue: lengths, documents, workers, the outbox. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import orjson
import redis.asyncio as redis_async
from loguru import logger
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from pregao.domain.clock import from_ms
from pregao.domain.errors import InvalidInput, QueueUnavailable
from pregao.domain.job import JobPriority, JobStatus
from pregao.queue.bounds import ask_for_counts, questions, read_bounds
from pregao.queue.controls import Controls
from pregao.queue.facts import JobFact, decode_entry, job_id_of, unpack_result
from pregao.queue.gates import Gates, ask_for_gates, read_gates
from pregao.queue.keys import DEFAULT_PREFIX, Keys
from pregao.queue.messages import QueueLengths
from pregao.queue.replies import translate

ALIVE_SECONDS = 20.0
OUTBOX_PAGE = 50


class WorkerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself with every heartbeat. `heartbeat_at` is the server's time, aware UTC.

    `version` is that of its package, empty when it says none. `process` is `place/pid/start` (see queue/process.py), by
    which a neighbour may learn that it died. `problems` are those of its limits.

    `running` counts attempts, `used_slots` is what they weigh, `browsers` how many of them may launch a browser at once
    and `used_browsers` how many do. `held` is why it takes no job now, "" while it does; `memory_percent` how full the
    memory is by which it decides, None when that is not known; `holds` how often it was too full since the start.
    """

    id: str
    host: str = ""
    pid: int = 0
    process: str = ""
    slots: int = 0
    used_slots: int = 0
    running: int = 0
    browsers: int = 0
    used_browsers: int = 0
    memory_percent: float | None = None
    held: str = ""
    holds: int = 0
    state: str = "working"
    version: str = ""
    scrapers: list[str] = []
    problems: list[str] = []
    started_at: datetime | None = None
    heartbeat_at: datetime | None = None


class SchedulerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a scheduler says of itself: how many schedules it fires, and what is wrong with the file on disk."""

    id: str
    host: str = ""
    pid: int = 0
    version: str = ""
    schedules: int = 0
    problems: list[str] = []
    heartbeat_at: datetime | None = None


class OutboxFacts(msgspec.Struct, frozen=True):
    """How far PostgreSQL is behind. `oldest_at` is when the oldest fact was written, None when there is none."""

    entries: int
    bytes: int
    oldest_at: datetime | None
    dead: int
    now: datetime

    @property
    def lag_seconds(self) -> float:
        """Age of the oldest fact that PostgreSQL does not have, by the server's clock."""
        return max(0.0, (self.now - self.oldest_at).total_seconds()) if self.oldest_at else 0.0


Beating = TypeVar("Beating", WorkerFacts, SchedulerFacts)


class QueueViews:
    """Reads on one prefix. All methods raise QueueUnavailable when Redis cannot be reached."""

    def __init__(self, redis: redis_async.Redis, prefix: str = DEFAULT_PREFIX) -> None:
        self.keys = Keys(prefix)
        self._redis = redis

    async def lengths(self) -> QueueLengths:
        """Jobs by where they are, read together."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for priority in JobPriority:
                pipe.llen(self.keys.ready(priority))
            pipe.zcard(self.keys.delayed)
            pipe.zcard(self.keys.running)
            return QueueLengths(*await answered(pipe.execute()))

    async def parked(self) -> dict[str, dict[JobPriority, int]]:
        """Jobs that are ready and held back, by folded scraper name and priority; only those that have any."""
        scrapers = await answered(self._redis.smembers(self.keys.parked))
        if not scrapers:
            return {}
        async with self._redis.pipeline(transaction=True) as pipe:
            ask_for_parked(pipe, self.keys, scrapers)
            return read_parked(scrapers, await answered(pipe.execute()))

    async def controls(self) -> Controls:
        """The rules that people set."""
        return (await self.gates()).controls

    async def gates(self, about: Collection[str] = ()) -> Gates:
        """All that holds jobs back now, read together; then the bounds of scrapers with parked jobs, and `about` some.

        Names in `about` are folded.
        """
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.time()
            pipe.smembers(self.keys.parked)
            ask_for_gates(pipe, self.keys)
            time, parked, *hashes = await answered(pipe.execute())
        gates = read_gates(server_time(time), *hashes)
        asked = questions(gates.rules, gates.hosts, {*about, *texts(parked)})
        if not asked:
            return gates
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.time()
            ask_for_counts(pipe, self.keys, asked)
            time, *counts = await answered(pipe.execute())
        return msgspec.structs.replace(gates, bounds=read_bounds(server_time(time), asked, counts))

    async def status(self, job_id: str) -> JobStatus | None:
        """The public status key; None when Redis does not know the job."""
        status = await answered(self._redis.get(self.keys.status(job_id)))
        try:
            return None if status is None else JobStatus(status.decode())
        except ValueError:
            logger.warning("the status key of job {} holds {!r}, which is no status", job_id, status)
            return None

    async def document(self, job_id: str) -> dict[str, Any] | None:
        """The whole document of a job that Redis knows, with worker, due_at, cancel_requested and lost_count."""
        return (await self.documents([job_id])).get(job_id)

    async def documents(self, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Documents by id, for those ids that Redis knows."""
        if not job_ids:
            return {}
        async with self._redis.pipeline(transaction=True) as pipe:
            for job_id in job_ids:
                pipe.get(self.keys.data(job_id))
                pipe.hmget(self.keys.meta(job_id), "state", "worker", "due", "cancel", "lost", "version")
            answers = await answered(pipe.execute())
        found: dict[str, dict[str, Any]] = {}
        for job_id, data, meta in zip(job_ids, answers[::2], answers[1::2], strict=True):
            if data is None:
                continue
            try:
                document = orjson.loads(data)
            except orjson.JSONDecodeError:
                logger.warning("the document of job {} in Redis is not JSON; left out", job_id)
                continue
            if isinstance(document, dict):
                found[job_id] = {**document, **_live_fields(meta)}
        return found

    async def running_ids(self, limit: int = 1000) -> list[str]:
        """Running jobs, those whose lease ends first in front."""
        return [i.decode() for i in await answered(self._redis.zrange(self.keys.running, 0, limit - 1))]

    async def delayed_ids(self, limit: int = 1000) -> list[str]:
        """Jobs that wait for a retry, the next one due in front."""
        return [i.decode() for i in await answered(self._redis.zrange(self.keys.delayed, 0, limit - 1))]

    async def unrecorded(self, limit: int = 1000) -> list[JobFact]:
        """The newest facts about jobs that are still on their way to PostgreSQL, newest first."""
        entries = await answered(self._redis.xrevrange(self.keys.outbox, count=limit))
        facts = []
        for entry_id, fields in entries:
            try:
                fact = decode_entry(entry_id, fields)
            except (ValueError, KeyError, msgspec.MsgspecError, InvalidInput) as error:
                logger.warning("outbox entry {} cannot be read: {}", entry_id.decode(), error)
                continue
            if isinstance(fact, JobFact):
                facts.append(fact)
        return facts

    async def unrecorded_ids(self, limit: int = 1000) -> list[str]:
        """Jobs of the newest facts that are still on their way to PostgreSQL, each once; results are not unpacked."""
        ids = {job_id_of(fields): None async for _, fields in self._outbox_backwards(limit) if b"job" in fields}
        return list(ids)

    async def unrecorded_result(self, job_id: str, limit: int = 1000) -> bytes | None:
        """The JSON of a result that is still on its way to PostgreSQL; None when it is not among the newest facts."""
        async for _, fields in self._outbox_backwards(limit):
            if b"result" in fields and job_id_of(fields) == job_id:
                return unpack_result(fields[b"result"])
        return None

    async def _outbox_backwards(self, limit: int) -> AsyncIterator[tuple[bytes, dict[bytes, bytes]]]:
        """Entries, newest first, a few at a time: one may hold a result of megabytes."""
        last = b"+"
        for start in range(0, limit, OUTBOX_PAGE):
            count = min(OUTBOX_PAGE, limit - start)
            page = await answered(self._redis.xrevrange(self.keys.outbox, max=last, count=count))
            for entry in page:
                yield entry
            if len(page) < count:
                return
            last = b"(" + page[-1][0]

    async def workers(self) -> list[WorkerFacts]:
        """Workers whose heartbeat is fresh by the server's own clock."""
        # A script that drives a job by hand has no slots: it consumes nothing by itself.
        return [worker for worker in await self._alive(self.keys.workers, WorkerFacts) if worker.slots]

    async def schedulers(self) -> list[SchedulerFacts]:
        """Schedulers whose heartbeat is fresh by the server's own clock."""
        return await self._alive(self.keys.schedulers, SchedulerFacts)

    async def _alive(self, key: str, kind: type[Beating]) -> list[Beating]:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.time()
            pipe.hgetall(key)
            time, entries = await answered(pipe.execute())
        now = server_time(time)
        return [member for member in read_heartbeats(entries, kind) if is_alive(member, now)]

    async def outbox(self) -> OutboxFacts:
        """Size and age of what PostgreSQL does not have yet, and how many facts it refused."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.time()
            pipe.xlen(self.keys.outbox)
            pipe.get(self.keys.outbox_bytes)
            pipe.xrange(self.keys.outbox, count=1)
            pipe.xlen(self.keys.outbox_dead)
            time, entries, size, oldest, dead = await answered(pipe.execute())
        return outbox_facts(server_time(time), entries, size, oldest, dead)

    async def orphans(self) -> int:
        """Ids that another producer pushed without a job behind them."""
        return int(await answered(self._redis.llen(self.keys.orphans)))


def texts(names: Iterable[bytes]) -> set[str]:
    """Names as Redis has them, as text."""
    return {name.decode(errors="replace") for name in names}


def ask_for_parked(pipe: Pipeline, keys: Keys, scrapers: Iterable[bytes]) -> None:
    """How many jobs of each of `scrapers`, as the set `parked` has them, are parked: three questions each."""
    for scraper in scrapers:
        for priority in JobPriority:
            pipe.llen(keys.parked_jobs(scraper.decode(errors="replace"), priority))


def read_parked(scrapers: Iterable[bytes], counts: Iterable[int]) -> dict[str, dict[JobPriority, int]]:
    """The answers, in the order of the scrapers' names; only those that have any jobs parked."""
    left = iter(counts)
    found = {
        scraper.decode(errors="replace"): {priority: next(left) for priority in JobPriority} for scraper in scrapers
    }
    return {scraper: by_priority for scraper, by_priority in sorted(found.items()) if any(by_priority.values())}


def server_time(reply: Sequence[Any]) -> datetime:
    """What `TIME` answers, as aware UTC."""
    seconds, micros = reply
    return from_ms(int(seconds) * 1000 + int(micros) // 1000)


def outbox_facts(now: datetime, entries: int, size: bytes | None, oldest: Sequence[Any], dead: int) -> OutboxFacts:
    """The outbox from what XLEN, GET, XRANGE (one entry) and XLEN answer, in this order."""
    oldest_at = from_ms(int(oldest[0][0].split(b"-")[0])) if oldest else None
    return OutboxFacts(entries=entries, bytes=int(size or 0), oldest_at=oldest_at, dead=dead, now=now)


def read_heartbeats(entries: dict[bytes, bytes], kind: type[Beating]) -> list[Beating]:
    """Every entry of a hash of heartbeats, fresh or old, by name; one that cannot be read is logged and left out."""
    members: list[Beating] = []
    for name, value in sorted(entries.items()):
        heartbeat, _, facts = value.partition(b"|")
        try:
            heartbeat_at = from_ms(int(heartbeat))
            member = msgspec.json.decode(facts, type=kind)
        except (ValueError, OverflowError, msgspec.MsgspecError) as error:
            logger.warning("the heartbeat of {!r} cannot be read: {}", name, error)
            continue
        members.append(msgspec.structs.replace(member, id=name.decode(errors="replace"), heartbeat_at=heartbeat_at))
    return members


def told_holds(workers: Sequence[WorkerFacts]) -> list[str]:
    """Which workers take no jobs now although they could, and why; a sentence each."""
    return [f"worker {worker.id.rpartition(':')[0] or worker.id}: {worker.held}" for worker in workers if worker.held]


def is_alive(member: WorkerFacts | SchedulerFacts, now: datetime) -> bool:
    """Whether its last heartbeat is fresh at `now`, the server's time."""
    return member.heartbeat_at is not None and (now - member.heartbeat_at).total_seconds() <= ALIVE_SECONDS


def _live_fields(meta: list[bytes | None]) -> dict[str, Any]:
    """Worker and due time stay in the hash when the job leaves those states: they are shown while they hold."""
    state, worker, due, cancel, lost, version = meta
    return {
        "worker": worker.decode() if worker and state == b"running" else None,
        "due_at": from_ms(int(due)).isoformat() if due and state == b"retry" else None,
        "cancel_requested": cancel == b"1",
        "lost_count": int(lost or 0),
        "version": int(version or 0),
    }


async def answered(answer: Awaitable[Any]) -> Any:
    """The answer of redis-py, or its error as one of ours.

    It types answers for text and bytes at once; ours are bytes, so that the caller knows better.
    """
    try:
        return await answer
    except RedisError as error:
        raise translate(error) from error
    except OSError as error:
        raise QueueUnavailable(f"Redis cannot be reached ({error}); check REDIS_URL") from error
