"""The queue's writes, one method for each script. Reads are in `views`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
import orjson
import redis.asyncio as redis_async
from redis.exceptions import RedisError

from pregao.domain.clock import from_ms, to_ms
from pregao.domain.footprint import NO_FOOTPRINT, Footprint
from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.domain.lifecycle import POISON_LIMIT
from pregao.domain.names import fold
from pregao.queue.document import INLINE_RESULT_LIMIT_BYTES, body_of, label_of, read_document
from pregao.queue.facts import AttemptReport, Fact, Firing, pack_result
from pregao.queue.keys import DEFAULT_PREFIX, Keys
from pregao.queue.messages import (
    Cancelled,
    Claim,
    Claims,
    Enqueued,
    FireReply,
    Reprioritized,
    RestoredJob,
    Settled,
    Settlement,
    Tick,
)
from pregao.queue.replies import translate
from pregao.queue.scripts import Argument, Scripts
from pregao.queue.views import SchedulerFacts

BATCH_LIMIT = 1000
"""Ids moved by one call; a longer script would hold up every other client."""
CLOCK_JUMP_MS = 5_000
WORKER_SILENCE_MS = 60_000
TICK_ARGUMENTS = (CLOCK_JUMP_MS, WORKER_SILENCE_MS)
RECLAIM_ARGUMENTS = (BATCH_LIMIT, POISON_LIMIT, "")
PROMOTE_ARGUMENTS = (BATCH_LIMIT, "")
NO_OUTBOX_LIMIT = 1 << 52

T = TypeVar("T")


class QueueCommands:
    """Every change of the queue. `now_ms` replaces the server's clock, in tests only.

    All methods raise QueueUnavailable, QueueFull, GenerationMissing or QueueError as their docstrings do not repeat.
    All of them are safe to repeat after a lost reply.
    """

    def __init__(
        self,
        redis: redis_async.Redis,
        prefix: str = DEFAULT_PREFIX,
        *,
        now_ms: Callable[[], int] | None = None,
        outbox_limit_bytes: int = NO_OUTBOX_LIMIT,
    ) -> None:
        self.keys = Keys(prefix)
        self.outbox_limit_bytes = outbox_limit_bytes
        self._redis = redis
        self._now_ms = now_ms
        self._scripts = Scripts(redis, self.keys, now_ms)

    async def enqueue(self, specs: Sequence[JobSpec]) -> list[Enqueued]:
        """Accept jobs, in the order given. More than 1,000 are accepted in several steps, each whole or not at all."""
        accepted: list[Enqueued] = []
        for chunk in _chunks(specs):
            reply = await self._scripts.call("enqueue", *_new_jobs(chunk))
            accepted += [
                Enqueued(code.decode().lower(), job_id.decode())
                for code, job_id in zip(reply[::2], reply[1::2], strict=True)
            ]
        return accepted

    async def fire(self, firing: Firing, specs: Sequence[JobSpec]) -> FireReply:
        """Enqueue the jobs of one occurrence, record it, and move the schedule's mark: once, whoever else tries."""
        chunks = list(_chunks(specs)) or [[]]
        reply: FireReply = "already"
        for number, chunk in enumerate(chunks, 1):
            last = number == len(chunks)
            reply = (
                await self._scripts.call(
                    "fire",
                    firing.schedule_name,
                    to_ms(firing.fire_time),
                    msgspec.json.encode(firing) if last else b"",
                    *_new_jobs(chunk),
                )
            ).decode().lower()  # fmt: skip
            if reply != "fired":
                return reply
        return reply

    async def fired_marks(self) -> dict[str, datetime]:
        """The last fired time of every schedule, aware UTC."""
        try:
            marks: dict[bytes, bytes] = await self._redis.hgetall(self.keys.fired)  # type: ignore[assignment]
        except RedisError as error:
            raise translate(error) from error
        return {name.decode(): from_ms(int(mark)) for name, mark in marks.items()}

    async def server_time(self) -> datetime:
        """The server's clock, which every script goes by; aware UTC."""
        if self._now_ms is not None:
            return from_ms(self._now_ms())
        try:
            seconds, micros = await self._redis.time()
        except RedisError as error:
            raise translate(error) from error
        return from_ms(int(seconds) * 1000 + int(micros) // 1000)

    async def begin_schedules(self, marks: Mapping[str, datetime]) -> int:
        """Give schedules that have no mark one, so that they start from there. Returns how many were new."""
        return int(await self._scripts.call("mark", "absent", *_marks(marks)))

    async def restore_fired(self, marks: Mapping[str, datetime]) -> int:
        """Put back marks that PostgreSQL remembers; never moves one backwards. Works without a generation."""
        return int(await self._scripts.call("mark", "later", *_marks(marks)))

    async def claim(self, worker: str, *, want: int, lease_ms: int, sequence: int, job_id: str | None = None) -> Claims:
        """Take up to `want` jobs, or the one named, under a lease. A repeated `sequence` answers the same again."""
        reply = await self._scripts.call(
            "claim", worker, lease_ms, min(want, BATCH_LIMIT), sequence, self.outbox_limit_bytes, job_id or ""
        )
        claims, unreadable = [], []
        for at in range(1, len(reply), 5):
            identity, token, attempt, retry_count, document = reply[at : at + 5]
            try:
                spec, values = read_document(document)
            except ValueError as error:
                unreadable.append((identity.decode(), token.decode(), str(error)))
            else:
                claims.append(Claim(spec, token.decode(), int(attempt), int(retry_count), values))
        return Claims(reply[0].decode().lower(), claims, unreadable)

    async def settle(self, settlements: Sequence[Settlement]) -> list[Settled]:
        """End attempts with what they came to; the fact for PostgreSQL is written in the same script."""
        arguments: list[Argument] = []
        for item in settlements:
            arguments += _settle_arguments(item)
        return _settled(await self._scripts.call("settle", *arguments))

    async def release(
        self,
        held: Sequence[tuple[str, str]],
        *,
        delay_ms: int = 0,
        reason: str = "released",
        footprint: Footprint = NO_FOOTPRINT,
    ) -> list[Settled]:
        """Give attempts (id, token) back without spending a retry; `delay_ms` 0 puts them to the front at once."""
        report = msgspec.json.encode(AttemptReport(error=reason, footprint=footprint))
        arguments: list[Argument] = []
        for job_id, token in held:
            arguments += [job_id, token, delay_ms, report]
        return _settled(await self._scripts.call("release", *arguments))

    async def reclaim(self, *, at_most: int = BATCH_LIMIT, dead_worker: str = "") -> dict[str, JobStatus]:
        """Return jobs whose lease expired, or those of a worker known to be dead. Answers id → state now."""
        reply = await self._scripts.call("reclaim", at_most, POISON_LIMIT, dead_worker)
        return {
            job_id.decode(): JobStatus(state.decode()) for job_id, state in zip(reply[::2], reply[1::2], strict=True)
        }

    async def promote(self, *, at_most: int = BATCH_LIMIT) -> int:
        """Move jobs whose retry is due into their queues; returns how many."""
        return int(await self._scripts.call("promote", at_most, ""))

    async def make_due(self, job_id: str) -> JobStatus | None:
        """Make a job that waits for its retry due now. Returns the status it had, None when it is unknown."""
        before = (await self._scripts.call("promote", 1, job_id)).decode()
        return JobStatus(before) if before else None

    async def tick(self) -> Tick:
        """Correct leases after a jump of the server's clock, prune silent workers, heal the wake token."""
        return read_tick(await self._scripts.call("tick", *TICK_ARGUMENTS))

    async def beat(self, scheduler: SchedulerFacts) -> int:
        """Say that a scheduler lives; returns how many do."""
        facts = msgspec.json.encode(scheduler)
        return int(await self._scripts.call("beat", scheduler.id, facts, WORKER_SILENCE_MS))

    async def retire(self, scheduler_id: str) -> None:
        """Say that a scheduler has ended."""
        try:
            await self._redis.hdel(self.keys.schedulers, scheduler_id)
        except RedisError as error:
            raise translate(error) from error

    async def cancel(self, job_id: str) -> Cancelled:
        """Cancel a waiting job now, or ask the worker of a running one to stop."""
        code, state = await self._scripts.call("cancel", job_id)
        return Cancelled(code.decode().lower(), JobStatus(state.decode()) if state else None)

    async def change_priority(self, job_id: str, priority: JobPriority) -> Reprioritized:
        """Move a waiting job to the back of another queue; refused for one that runs or has ended."""
        code, state = await self._scripts.call("reprioritize", job_id, priority.value)
        return Reprioritized(code.decode().lower(), JobStatus(state.decode()) if state else None)

    async def restore(self, jobs: Sequence[RestoredJob]) -> int:
        """Rebuild unfinished jobs that Redis does not know. Works without a generation; returns how many were new."""
        restored = 0
        for chunk in _chunks(jobs):
            arguments: list[Argument] = []
            for job in chunk:
                arguments += _restore_arguments(job)
            restored += int(await self._scripts.call("restore", *arguments))
        return restored

    async def read_generation(self) -> int | None:
        """The generation that this Redis belongs to, or None when it has no marker."""
        try:
            marker = await self._redis.get(self.keys.generation)
        except RedisError as error:
            raise translate(error) from error
        return None if marker is None else int(marker)

    async def read_server_run(self) -> str:
        """What changes with every start of the server, and with every failover to another one."""
        try:
            return str((await self._redis.info("server"))["run_id"])
        except RedisError as error:
            raise translate(error) from error

    async def open_generation(self, generation: int) -> None:
        """Set the marker: from now on the scripts work. The last step of a recovery."""
        try:
            await self._redis.set(self.keys.generation, generation)
        except RedisError as error:
            raise translate(error) from error

    async def forget_facts(self, facts: Iterable[tuple[str, int]]) -> int:
        """Drop recorded facts (entry id, bytes) from the outbox; returns how many were still there."""
        arguments: list[Argument] = [part for fact in facts for part in fact]
        return int(await self._scripts.call("forget", *arguments)) if arguments else 0

    async def forget(self, facts: Sequence[Fact]) -> int:
        """Drop recorded facts from the outbox; returns how many were still there."""
        return await self.forget_facts((fact.entry_id, fact.size_bytes) for fact in facts)


def read_tick(reply: Sequence[bytes | int]) -> Tick:
    """The answer of the tick script as numbers."""
    corrected, due, expired, next_in_ms = (int(part) for part in reply)
    return Tick(corrected, due, expired, None if next_in_ms < 0 else next_in_ms)


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + BATCH_LIMIT] for start in range(0, len(items), BATCH_LIMIT))


def _new_jobs(specs: Sequence[JobSpec]) -> list[Argument]:
    arguments: list[Argument] = []
    for spec in specs:
        arguments += [*_request(spec), body_of(spec)]
    return arguments


def _request(spec: JobSpec) -> list[Argument]:
    return [
        spec.id,
        spec.priority.value,
        fold(spec.scraper_name),
        label_of(spec),
        spec.max_retries,
        spec.unique_key or "",
    ]


def _settle_arguments(item: Settlement) -> list[Argument]:
    spec, result, report = item.claim.spec, item.result_json, item.report
    return [
        spec.id,
        item.claim.token,
        "completed" if item.completed else "failed",
        1 if item.retryable else 0,
        item.delay_ms,
        body_of(spec, result_json=result),
        orjson.dumps(report.error),
        msgspec.json.encode(report),
        b"" if result is None else pack_result(result, compress=len(result) > INLINE_RESULT_LIMIT_BYTES),
    ]


def _settled(reply: list[bytes]) -> list[Settled]:
    return [
        Settled(code.decode().lower(), JobStatus(state.decode()) if state else None)  # type: ignore[arg-type]
        for code, state in zip(reply[::2], reply[1::2], strict=True)
    ]


def _restore_arguments(job: RestoredJob) -> list[Argument]:
    return [
        *_request(job.spec),
        body_of(job.spec),
        orjson.dumps(job.error),
        job.attempt,
        job.retry_count,
        job.lost_count,
        job.version,
        "" if job.due_at is None else to_ms(job.due_at),
    ]


def _marks(marks: Mapping[str, datetime]) -> list[Argument]:
    return [part for name, moment in marks.items() for part in (name, to_ms(moment))]
