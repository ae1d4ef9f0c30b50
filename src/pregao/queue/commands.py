"""The queue's writes, one method for each script. Reads are in `views`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import redis.asyncio as redis_async
from redis.exceptions import RedisError

from pregao.domain.clock import from_ms
from pregao.domain.footprint import NO_FOOTPRINT, Footprint
from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.domain.lifecycle import POISON_LIMIT
from pregao.queue.arguments import BATCH_LIMIT, chunks, fire_marks, new_jobs, restored_job, settled_attempt
from pregao.queue.breakers import Breakers
from pregao.queue.document import read_document
from pregao.queue.facts import AttemptReport, Fact, Firing
from pregao.queue.firings import Firings, Started
from pregao.queue.keys import DEFAULT_PREFIX, Keys
from pregao.queue.messages import (
    Cancelled,
    Claim,
    Claims,
    Enqueued,
    FireReply,
    ForeignJob,
    Reprioritized,
    RestoredJob,
    Settled,
    Settlement,
    Tick,
)
from pregao.queue.replies import translate
from pregao.queue.scripts import FIXED_ARGUMENTS, Argument, Scripts
from pregao.queue.views import SchedulerFacts

CLOCK_JUMP_MS = 5_000
WORKER_SILENCE_MS = 60_000
TICK_ARGUMENTS = (CLOCK_JUMP_MS, WORKER_SILENCE_MS)
"""Before the place of whoever ticks; none when it has no eye on its neighbours."""
RECLAIM_ARGUMENTS = (BATCH_LIMIT, POISON_LIMIT, "")
PROMOTE_ARGUMENTS = (BATCH_LIMIT, "")
NO_OUTBOX_LIMIT = 1 << 52


class QueueCommands:
    """Every change of the queue. `now_ms` and `jobs_per_firing_call` are for tests only.

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
        jobs_per_firing_call: int = BATCH_LIMIT,
    ) -> None:
        self.keys = Keys(prefix)
        self.outbox_limit_bytes = outbox_limit_bytes
        self._redis = redis
        self._now_ms = now_ms
        self._scripts = Scripts(redis, self.keys, now_ms)
        self.firings = Firings(redis, self.keys, self._scripts, jobs_per_firing_call)
        self.breakers = Breakers(self._scripts)

    async def enqueue(self, specs: Sequence[JobSpec]) -> list[Enqueued]:
        """Accept jobs, in the order given. More than one call takes are accepted in steps, each whole or not at all."""
        accepted: list[Enqueued] = []
        for chunk in chunks(specs):
            accepted += _enqueued(await self._scripts.call("enqueue", *new_jobs(chunk)))
        return accepted

    async def fire(self, firing: Firing, specs: Sequence[JobSpec]) -> FireReply:
        """Enqueue the jobs of one occurrence, record it, and move the schedule's mark: once, whoever else tries.

        The jobs differ by id and ticker alone, as the firing lists them. Killed after the first call, it is among the
        `started_firings`, and anybody can finish it.
        """
        reply, rest = await self.firings.begin(firing, specs)
        await self.firings.finish(rest)
        return reply

    async def run(self, run_id: str, firing: Firing, specs: Sequence[JobSpec]) -> tuple[Firing, bool]:
        """Enqueue the jobs of a run by hand and record it: the firing that stands for it, and whether it is new."""
        stands, rest = await self.firings.begin_run(run_id, firing, specs)
        await self.firings.finish(rest)
        return stands, stands is firing

    async def repeat_run(self, run_id: str) -> Firing | None:
        """The firing of a run that was begun in the last 24 hours, complete now; None when there is none."""
        known = await self.firings.known_run(run_id)
        if known is None:
            return None
        firing, rest = known
        await self.firings.finish(rest)
        return firing

    async def started_firings(self) -> list[Started]:
        """Firings of more jobs than a call takes that were begun and are not complete."""
        return await self.firings.started()

    async def finish_firing(self, started: Started) -> None:
        """Make the jobs that are missing, and record the firing."""
        await self.firings.finish(started)

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
        return int(await self._scripts.call("mark", "absent", *fire_marks(marks)))

    async def restore_fired(self, marks: Mapping[str, datetime]) -> int:
        """Put back marks that PostgreSQL remembers; never moves one backwards. Works without a generation."""
        return int(await self._scripts.call("mark", "later", *fire_marks(marks)))

    async def claim(
        self,
        worker: str,
        *,
        want: int,
        lease_ms: int,
        sequence: int,
        job_id: str | None = None,
        excluded: Iterable[str] = (),
        slots: int = 0,
    ) -> Claims:
        """Take jobs for `want` slots, or the one named, under a lease. A repeated `sequence` answers the same again.

        `excluded` and `slots` are as for `claim_arguments`.
        """
        arguments = self.claim_arguments(
            worker,
            want=want,
            lease_ms=lease_ms,
            sequence=sequence,
            job_id=job_id,
            excluded=excluded,
            slots=slots,
        )
        return read_claims(await self._scripts.call("claim", *arguments[FIXED_ARGUMENTS:]))

    def claim_arguments(
        self,
        worker: str,
        *,
        want: int,
        lease_ms: int,
        sequence: int,
        job_id: str | None = None,
        excluded: Iterable[str] = (),
        slots: int = 0,
    ) -> list[Argument]:
        """Keys and arguments of a claim, for a caller that sends the script itself.

        `excluded` are folded names of scrapers that this worker cannot take now; `slots` is how many it has in all
        (0: as many as it wants).
        """
        own: list[Argument] = [
            worker,
            lease_ms,
            min(want, BATCH_LIMIT),
            sequence,
            self.outbox_limit_bytes,
            job_id or "",
        ]
        return [*self._scripts.fixed_arguments(), *own, ",".join(excluded), slots or want]

    async def settle(self, settlements: Sequence[Settlement]) -> list[Settled]:
        """End attempts with what they came to; the fact for PostgreSQL is written in the same script."""
        arguments: list[Argument] = [POISON_LIMIT]
        for item in settlements:
            arguments += settled_attempt(item)
        return _settled(await self._scripts.call("settle", *arguments))

    async def release(
        self,
        held: Sequence[tuple[str, str]],
        *,
        delay_ms: int = 0,
        reason: str = "released",
        report: AttemptReport | None = None,
        hold_ms: int | None = None,
        footprint: Footprint = NO_FOOTPRINT,
    ) -> list[Settled]:
        """Give attempts (id, token) back without spending a retry; `delay_ms` 0 puts them to the front at once.

        `report` says more than a `reason`. `hold_ms` is for how long the source asked to be left alone: until then no
        job of its hosts starts anywhere.
        """
        told = msgspec.json.encode(report or AttemptReport(error=reason, footprint=footprint))
        arguments: list[Argument] = []
        for job_id, token in held:
            arguments += [job_id, token, delay_ms, told, "" if hold_ms is None else hold_ms]
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
        return read_tick(await self._scripts.call("tick", *TICK_ARGUMENTS, ""))

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

    async def adopt(self, queue: JobPriority, specs: Sequence[JobSpec]) -> list[Enqueued]:
        """Make jobs of another producer ours, to the front of `queue`. Answers as `enqueue` does."""
        return _enqueued(await self._scripts.call("adopt", queue.value, *new_jobs(specs)))

    async def disown(self, job: ForeignJob) -> int:
        """Set aside what another producer left and is no job; returns how many ids are set aside."""
        return int(await self._scripts.call("disown", job.queue.value, job.job_id))

    async def scrub(self, job_ids: Sequence[str]) -> list[str]:
        """Bring back those of `job_ids` that are pending and wait in no list; returns them."""
        return [job_id.decode() for job_id in await self._scripts.call("scrub", *job_ids)]

    async def control(self, name: str, value: str, who: str) -> str:
        """Set one field of what holds jobs back ('' takes it away); returns what it was. See `queue.controls`."""
        return str((await self._scripts.call("control", name, value, who)).decode())

    async def restore_controls(self, rules: Mapping[str, str]) -> None:
        """Put back rules that PostgreSQL remembers and this Redis lacks. Works without a generation."""
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                for name, value in rules.items():
                    pipe.hsetnx(self.keys.control, name, value)
                await pipe.execute()
        except RedisError as error:
            raise translate(error) from error

    async def control_fields(self) -> dict[str, str]:
        """Every rule as it stands: what `control` changes."""
        try:
            fields: dict[bytes, bytes] = await self._redis.hgetall(self.keys.control)  # type: ignore[assignment]
        except RedisError as error:
            raise translate(error) from error
        return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}

    async def restore(self, jobs: Sequence[RestoredJob]) -> int:
        """Rebuild unfinished jobs that Redis does not know. Works without a generation; returns how many were new."""
        restored = 0
        for chunk in chunks(jobs):
            arguments: list[Argument] = []
            for job in chunk:
                arguments += restored_job(job)
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


def read_tick(reply: Sequence[Any]) -> Tick:
    """The answer of the tick script."""
    corrected, due, expired, next_in_ms = (int(part) for part in reply[:4])
    neighbours = {
        worker.decode(errors="replace"): process.decode()
        for worker, process in zip(reply[4::2], reply[5::2], strict=True)
    }
    return Tick(corrected, due, expired, None if next_in_ms < 0 else next_in_ms, neighbours)


def read_claims(reply: Sequence[bytes]) -> Claims:
    """The answer of the claim script."""
    claims, unreadable, foreign = [], [], []
    for at in range(2, len(reply), 6):
        identity, token, attempt, retry_count, weight, document = reply[at : at + 6]
        if not token:
            foreign.append(ForeignJob(identity.decode(errors="replace"), JobPriority(attempt.decode()), document))
            continue
        try:
            spec = read_document(document)
        except ValueError as error:
            unreadable.append((identity.decode(), token.decode(), str(error)))
        else:
            claims.append(Claim(spec, token.decode(), int(attempt), int(retry_count), document, int(weight)))
    server_ms = int(reply[1]) if len(reply) > 1 else None
    return Claims(reply[0].decode().lower(), claims, unreadable, foreign, server_ms)  # type: ignore[arg-type]


def _enqueued(reply: Sequence[bytes]) -> list[Enqueued]:
    return [
        Enqueued(code.decode().lower(), job_id.decode())  # type: ignore[arg-type]
        for code, job_id in zip(reply[::2], reply[1::2], strict=True)
    ]


def _settled(reply: list[bytes]) -> list[Settled]:
    return [
        Settled(code.decode().lower(), JobStatus(state.decode()) if state else None)  # type: ignore[arg-type]
        for code, state in zip(reply[::2], reply[1::2], strict=True)
    ]
