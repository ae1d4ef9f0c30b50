"""Bringing Redis and PostgreSQL to the same generation, after one of them lost what it held.

Redis holds a marker, PostgreSQL the generation it knows:

- no marker: Redis was emptied or is new. Under the recorder's lock a new generation is written, unfinished jobs, fire
  marks and rules (pauses, caps) are restored, and the marker is set last; until then every script refuses.
- the marker is ahead: Redis was opened while PostgreSQL was away. What it lacks is restored, PostgreSQL follows.
- the marker is behind: Redis was turned back to an old copy. As with no marker, and an error is logged.
- the server was started again: its file may lack the last second before a power cut. What is recorded and unknown to it
  is restored, under a new generation.
- both are equal, and the server still runs: nothing.

Every step may be repeated: killed anywhere, the next process starts over.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from loguru import logger

from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import InvalidInput, StoreUnavailable
from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.queue.commands import QueueCommands
from pregao.queue.messages import RestoredJob
from pregao.store.pool import unavailable
from pregao.store.recorder import RECORDER_LOCK
from pregao.store.statements import sql

if TYPE_CHECKING:
    from pregao.store.pool import Connection, Pool

PAGE = 1000
Cause = Literal["no marker", "opened without PostgreSQL", "old copy", "restarted"]


class Reconciled(msgspec.Struct, frozen=True):
    """What a recovery did: the generation now, why, how many jobs and fire marks came back."""

    generation: int
    cause: Cause
    jobs: int
    marks: int


async def reconcile(commands: QueueCommands, pool: Pool, *, clock: Clock | None = None) -> Reconciled | None:
    """Bring both to one generation; None when they already are. Any number of processes may call this at once.

    Raises StoreUnavailable and QueueUnavailable, after which it may be called again.
    """
    with unavailable():
        async with pool.acquire() as connection:
            if await _agree(commands, connection):
                return None
            async with connection.transaction():
                await connection.execute(sql("take_recorder_lock"), RECORDER_LOCK)
                done = await _reconcile_locked(commands, connection, clock or SystemClock())
    if done is not None:
        logger.info(
            "generation {} ({}): {} unfinished jobs and {} fire marks restored",
            done.generation, done.cause, done.jobs, done.marks,
        )  # fmt: skip
    return done


async def ensure_generation(commands: QueueCommands, pool: Pool, *, clock: Clock | None = None) -> Reconciled | None:
    """`reconcile`; with PostgreSQL away, open a provisional generation so that work can start, if there is none.

    Raises QueueUnavailable.
    """
    try:
        return await reconcile(commands, pool, clock=clock)
    except StoreUnavailable as error:
        if await commands.read_generation() is None:
            generation = _now_seconds(clock or SystemClock())
            await commands.open_generation(generation)
            logger.warning("generation {} is provisional, restoring waits for PostgreSQL: {}", generation, error)
        return None


async def _reconcile_locked(commands: QueueCommands, connection: Connection, clock: Clock) -> Reconciled | None:
    if await _agree(commands, connection):
        return None
    server_run = await commands.read_server_run()
    marker, (known, _) = await commands.read_generation(), await _known(connection)
    cause, generation = _verdict(marker, known, clock)
    if cause == "old copy":
        logger.error(
            "Redis was turned back to an old copy: its generation is {}, PostgreSQL knows {}. What was accepted in "
            "between and not recorded is lost, what ended in between may run again",
            marker, known,
        )  # fmt: skip
    await connection.execute(sql("set_generation"), generation, clock.now(), server_run)
    jobs = 0
    async for page in _unfinished(connection):
        jobs += await commands.restore(page)
    marks = {row["schedule_name"]: row["fire_time"] for row in await connection.fetch(sql("list_fire_marks"))}
    restored_marks = await commands.restore_fired(marks)
    rules = {row["name"]: row["value"] for row in await connection.fetch(sql("list_controls"))}
    await commands.restore_controls(rules)
    if generation != marker:
        await commands.open_generation(generation)
    return Reconciled(generation, cause, jobs, restored_marks)


def _verdict(marker: int | None, known: int | None, clock: Clock) -> tuple[Cause, int]:
    if marker is not None and marker > (known or 0):
        return "opened without PostgreSQL", marker
    fresh = max((known or 0) + 1, _now_seconds(clock))
    if marker is None:
        return "no marker", fresh
    # A server that was started again may have lost its last second: what is recorded and unknown to it comes back,
    # and the new generation outranks what it has to do again.
    return ("restarted" if marker == known else "old copy"), fresh


def _now_seconds(clock: Clock) -> int:
    # One ahead: the generation before may have been opened in this same second.
    return int(clock.now().timestamp()) + 1


async def _agree(commands: QueueCommands, connection: Connection) -> bool:
    marker, (known, server_run) = await commands.read_generation(), await _known(connection)
    return marker is not None and marker == known and server_run == await commands.read_server_run()


async def _known(connection: Connection) -> tuple[int | None, str | None]:
    row = await connection.fetchrow(sql("get_generation"))
    return (None, None) if row is None else (row["generation"], row["server_run"])


async def _unfinished(connection: Connection) -> AsyncIterator[list[RestoredJob]]:
    """Pages of unfinished jobs, oldest first."""
    after = (datetime.min.replace(tzinfo=UTC), uuid.UUID(int=0))
    while rows := await connection.fetch(sql("list_unfinished"), *after, PAGE):
        yield [job for job in map(_restored, rows) if job is not None]
        after = (rows[-1]["created_at"], rows[-1]["job_id"])


def _restored(row: Any) -> RestoredJob | None:
    try:
        spec = JobSpec(
            id=str(row["job_id"]),
            scraper_name=row["scraper_name"],
            ticker=row["ticker"],
            priority=JobPriority(row["priority"]),
            max_retries=row["max_retries"],
            timeout_seconds=row["timeout_seconds"],
            metadata=row["metadata"],
            schedule_name=row["schedule_name"],
            fire_time=row["fire_time"],
            unique_key=row["unique_key"],
            retried_from=None if row["retried_from"] is None else str(row["retried_from"]),
            created_at=row["created_at"],
        )
    except InvalidInput as error:
        logger.error("job {} cannot be restored: {}", row["job_id"], error)
        return None
    waits = row["status"] == JobStatus.RETRY
    return RestoredJob(
        spec=spec,
        state=JobStatus.RETRY if waits else JobStatus.PENDING,
        attempt=row["attempt"],
        retry_count=row["retry_count"],
        lost_count=row["lost_count"],
        version=row["version"],
        due_at=row["due_at"],
        error=row["error"],
    )
