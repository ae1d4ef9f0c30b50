"""Carries facts from the outbox in Redis to PostgreSQL.

1. Wait, on a connection of its own, until the outbox holds something.
2. Take the recorder's lock; when another recorder has it, stand by.
3. Read the head of the stream and write it in one transaction. A batch that PostgreSQL refuses is halved until the
   fact at fault is alone; that one goes to `outbox:dead`, and its job fails with the reason.
4. After the commit publish the events of the jobs that ended, and of breakers and logins; then drop the entries.

Killed on any line, the next recorder repeats the batch: the rows say which facts they have seen. PostgreSQL being
away only means waiting: Redis keeps the facts.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import redis.asyncio as redis_async
from loguru import logger
from redis.exceptions import RedisError

from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import InvalidInput, QueueError, StoreUnavailable
from pregao.domain.events import final_event
from pregao.domain.job import JobSpec
from pregao.queue.facts import ControlFact, JobFact, decode_spec
from pregao.queue.gate_events import gate_event
from pregao.queue.keys import DEFAULT_PREFIX
from pregao.queue.replies import translate
from pregao.store.outbox import Entry, Outbox
from pregao.store.pool import refuses, unavailable
from pregao.store.salvage import reduced
from pregao.store.statements import sql
from pregao.store.writer import Ending, write

if TYPE_CHECKING:
    from pregao.store.pool import Pool

RECORDER_LOCK = 0x70726567616F_0001
"""Key of the advisory lock that the working recorder holds, and a recovery."""

_IDLE_SECONDS = 5.0
_GATHER_SECONDS = 0.02
_STANDBY_SECONDS = 1.0
_HOLD_SECONDS = 2.0
_BACKOFF_SECONDS = (0.1, 2.0)


class Recorder:
    """One of any number of recorders on the same Redis and PostgreSQL; one at a time works.

    `reconcile` is called at the start of `run`, after every outage, and every five seconds: it sees to it that
    PostgreSQL and Redis belong to the same generation.
    """

    def __init__(
        self,
        redis: redis_async.Redis,
        pool: Pool,
        prefix: str = DEFAULT_PREFIX,
        *,
        reconcile: Callable[[], Awaitable[object]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._redis = redis
        self._pool = pool
        self._outbox = Outbox(redis, prefix)
        self._reconcile = reconcile
        self._clock = clock or SystemClock()
        self._reconciled_at: float | None = None
        self._trouble: str | None = None

    async def run(self) -> None:
        """Record for ever; ends by cancellation only. Outages are waited for and logged once each."""
        shortest, longest = _BACKOFF_SECONDS
        pause = shortest
        while True:
            try:
                async with self._redis.client() as waiting:
                    await self._work(waiting)
            except (StoreUnavailable, QueueError, RedisError, OSError) as error:
                pause = min(longest, pause * 2) if self._trouble else shortest
                self._note(translate(error) if isinstance(error, RedisError) else error)
                await asyncio.sleep(pause)

    async def step(self) -> int:
        """Record one batch and return how many facts it had; 0 as well when another recorder works.

        Raises StoreUnavailable and QueueError.
        """
        async with self._lead() as leads:
            return await self._record_head() if leads else 0

    async def _work(self, waiting: redis_async.Redis) -> None:
        while True:
            await self._reconcile_when_due()
            if await self._outbox.wait(waiting, _IDLE_SECONDS):
                # Jobs end in bursts; one commit for a few milliseconds of them costs nobody anything.
                await asyncio.sleep(_GATHER_SECONDS)
                if not await self._drain():
                    await asyncio.sleep(_STANDBY_SECONDS * random.uniform(0.8, 1.2))
            self._note(None)

    async def _drain(self) -> bool:
        """Record until the outbox is empty, or for two seconds; False when another recorder holds the lock."""
        async with self._lead() as leads:
            if not leads:
                return False
            until = self._clock.monotonic() + _HOLD_SECONDS
            while await self._record_head() and self._clock.monotonic() < until:
                pass
            return True

    @asynccontextmanager
    async def _lead(self) -> AsyncIterator[bool]:
        """Hold the lock, or not, for as long as the block runs.

        The lock belongs to a transaction of its own: it outlasts the commits of the batches, so that no other recorder
        repeats what is committed but not yet dropped, and it is gone with the connection.
        """
        with unavailable():
            async with self._pool.acquire() as connection, connection.transaction():
                yield bool(await connection.fetchval(sql("try_recorder_lock"), RECORDER_LOCK))

    async def _record_head(self) -> int:
        entries = await self._outbox.read()
        readable = [entry for entry in entries if entry.problem is None]
        ended = await self._record(readable)
        for entry in entries:
            if entry.problem is not None:
                ended += await self._record_failure(entry, entry.problem)
        events = [_event(ending) for ending in ended] + _gate_events(readable)
        if events:
            await self._outbox.publish(events)
        if entries:
            await self._outbox.forget(entries)
        return len(entries)

    async def _record(self, entries: Sequence[Entry]) -> list[Ending]:
        """Write entries in one transaction, or in halves when something among them is refused."""
        if not entries:
            return []
        try:
            return await self._write(entries)
        except Exception as error:
            if not _blames_the_fact(error):
                raise
            if len(entries) == 1:
                return await self._record_failure(entries[0], f"refused: {_reason(error)}")
        middle = len(entries) // 2
        return await self._record(entries[:middle]) + await self._record(entries[middle:])

    async def _write_what_passes(self, job_id: str, rest: Entry) -> list[Ending]:
        """The bare fact; where even that is refused, the job's own row: it must not stay unfinished for ever."""
        for jobs_only in (False, True):
            try:
                return await self._write([rest], jobs_only=jobs_only)
            except Exception as error:
                if not _blames_the_fact(error):
                    raise
                logger.error("job {} is refused in its bare form too: {}", job_id, _reason(error))
        return []

    async def _write(self, entries: Sequence[Entry], *, jobs_only: bool = False) -> list[Ending]:
        facts = [entry.fact for entry in entries if entry.fact is not None]
        with unavailable():
            async with self._pool.acquire() as connection, connection.transaction():
                return await write(connection, facts, self._find_request, jobs_only=jobs_only)

    async def _record_failure(self, entry: Entry, problem: str) -> list[Ending]:
        """Record what can be recorded of an entry, and keep the whole of it in `outbox:dead`."""
        logger.error("outbox entry {} goes to outbox:dead: {}", entry.entry_id, problem)
        ended: list[Ending] = []
        if isinstance(entry.fact, JobFact):
            rest = msgspec.structs.replace(entry, fact=reduced(entry.fact, problem))
            ended = await self._write_what_passes(entry.fact.job_id, rest)
        await self._outbox.bury(entry, problem)
        return ended

    async def _find_request(self, job_id: str) -> JobSpec | None:
        """A job whose request was recorded in another database is still described by its document in Redis."""
        document = await self._outbox.document(job_id)
        try:
            return None if document is None else decode_spec(document)
        except (msgspec.MsgspecError, InvalidInput) as error:
            logger.error("the document of job {} in Redis cannot be read: {}", job_id, error)
            return None

    async def _reconcile_when_due(self) -> None:
        now = self._clock.monotonic()
        if self._reconcile is None or (self._reconciled_at is not None and now < self._reconciled_at + _IDLE_SECONDS):
            return
        await self._reconcile()
        self._reconciled_at = now

    def _note(self, error: Exception | None) -> None:
        """Log a trouble when it begins and when it is over, not while it lasts."""
        kind = None if error is None else type(error).__name__
        if kind == self._trouble:
            return
        self._trouble = kind
        if error is None:
            logger.info("recording again")
        else:
            self._reconciled_at = None
            logger.warning("recording waits: {}", error)


def _blames_the_fact(error: Exception) -> bool:
    return refuses(error) or isinstance(error, ValueError | OverflowError | InvalidInput)


def _reason(error: Exception) -> str:
    """What is wrong, without PostgreSQL's DETAIL: that repeats the row, and whoever may see the error sees it."""
    return str(error).partition("\nDETAIL:")[0]


def _gate_events(entries: Sequence[Entry]) -> list[dict[str, object]]:
    told = [gate_event(entry.fact) for entry in entries if isinstance(entry.fact, ControlFact)]
    return [event for event in told if event is not None]


def _event(ending: Ending) -> dict[str, object]:
    return final_event(
        job_id=ending.job_id,
        scraper_name=ending.scraper_name,
        ticker=ending.ticker,
        status=ending.status,
        at=ending.at,
        generation=ending.generation,
        version=ending.version,
    )
