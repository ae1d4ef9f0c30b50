"""The queue's changes, one method for each script. Reads are in `views`, what needs no script in `single_keys`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
import redis.asyncio as redis_async

from pregao.domain.footprint import NO_FOOTPRINT, Footprint
from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.domain.lifecycle import POISON_LIMIT
from pregao.queue.arguments import BATCH_LIMIT, chunks, fire_marks, new_jobs, restored_job, settled_attempt
from pregao.queue.breakers import Breakers
from pregao.queue.facts import AttemptReport, Fact, Firing
from pregao.queue.firings import Firings, Started
from pregao.queue.keys import DEFAULT_PREFIX, Keys
from pregao.queue.messages import (
    NO_RATION,
    Cancelled,
    Claims,
    Enqueued,
    FireReply,
    ForeignJob,
    Ration,
    Reprioritized,
    RestoredJob,
    Settled,
    Settlement,
    Tick,
)
from pregao.queue.replies import read_claims, read_enqueued, read_settled, read_tick
from pregao.queue.scripts import FIXED_ARGUMENTS, Argument, Scripts
from pregao.queue.single_keys import SingleKeys
from pregao.queue.views import SchedulerFacts

__all__ = [
    "CLOCK_JUMP_MS",
    "NO_OUTBOX_LIMIT",
    "PROMOTE_ARGUMENTS",
    "RECLAIM_ARGUMENTS",
    "TICK_ARGUMENTS",
    "WORKER_SILENCE_MS",
    "QueueCommands",
    "read_claims",
    "read_tick",
]
"""Who sends a script of these itself reads its reply by the same functions."""

CLOCK_JUMP_MS = 5_000
WORKER_SILENCE_MS = 60_000
TICK_ARGUMENTS = (CLOCK_JUMP_MS, WORKER_SILENCE_MS)
"""Before the place of whoever ticks; none when it has no eye on its neighbours."""
RECLAIM_ARGUMENTS = (BATCH_LIMIT, POISON_LIMIT, "")
PROMOTE_ARGUMENTS = (BATCH_LIMIT, "")
NO_OUTBOX_LIMIT = 1 << 52
HEAVIEST = 1000
"""The most slots that a job may weigh, and that one claim can fill."""


class QueueCommands(SingleKeys):
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
        super().__init__(redis, Keys(prefix), now_ms)
        self.outbox_limit_bytes = outbox_limit_bytes
        self._scripts = Scripts(redis, self.keys, now_ms)
        self.firings = Firings(redis, self.keys, self._scripts, jobs_per_firing_call)
        self.breakers = Breakers(self._scripts)

    async def enqueue(self, specs: Sequence[JobSpec]) -> list[Enqueued]:
        """Accept jobs, in the order given. More than one call takes are accepted in steps, each whole or not at all."""
        accepted: list[Enqueued] = []
        for chunk in chunks(specs):
            accepted += read_enqueued(await self._scripts.call("enqueue", *new_jobs(chunk)))
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
        ration: Ration = NO_RATION,
        slots: int = 0,
    ) -> Claims:
        """Take jobs for `want` slots, or the one named, under a lease. A repeated `sequence` answers the same again.

        `ration` and `slots` are as for `claim_arguments`.
        """
        arguments = self.claim_arguments(
            worker,
            want=want,
            lease_ms=lease_ms,
            sequence=sequence,
            job_id=job_id,
            ration=ration,
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
        ration: Ration = NO_RATION,
        slots: int = 0,
    ) -> list[Argument]:
        """Keys and arguments of a claim, for a caller that sends the script itself.

        `ration` bounds the jobs of some scrapers; `slots` is how many the worker has in all (0: as many as it wants).
        """
        own: list[Argument] = [
            worker,
            lease_ms,
            min(want, HEAVIEST),
            sequence,
            self.outbox_limit_bytes,
            job_id or "",
        ]
        return [*self._scripts.fixed_arguments(), *own, ration.scrapers, slots or want, ration.left]

    async def settle(self, settlements: Sequence[Settlement]) -> list[Settled]:
        """End attempts with what they came to; the fact for PostgreSQL is written in the same script."""
        arguments: list[Argument] = [POISON_LIMIT]
        for item in settlements:
            arguments += settled_attempt(item)
        return read_settled(await self._scripts.call("settle", *arguments))

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
        return read_settled(await self._scripts.call("release", *arguments))

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
        return read_enqueued(await self._scripts.call("adopt", queue.value, *new_jobs(specs)))

    async def disown(self, job: ForeignJob) -> int:
        """Set aside what another producer left and is no job; returns how many ids are set aside."""
        return int(await self._scripts.call("disown", job.queue.value, job.job_id))

    async def scrub(self, job_ids: Sequence[str]) -> list[str]:
        """Bring back those of `job_ids` that are pending and wait in no list; returns them."""
        return [job_id.decode() for job_id in await self._scripts.call("scrub", *job_ids)]

    async def control(self, name: str, value: str, who: str) -> str:
        """Set one field of what holds jobs back ('' takes it away); returns what it was. See `queue.controls`."""
        return str((await self._scripts.call("control", name, value, who)).decode())

    async def restore(self, jobs: Sequence[RestoredJob]) -> int:
        """Rebuild unfinished jobs that Redis does not know. Works without a generation; returns how many were new."""
        restored = 0
        for chunk in chunks(jobs):
            arguments: list[Argument] = []
            for job in chunk:
                arguments += restored_job(job)
            restored += int(await self._scripts.call("restore", *arguments))
        return restored

    async def forget_facts(self, facts: Iterable[tuple[str, int]]) -> int:
        """Drop recorded facts (entry id, bytes) from the outbox; returns how many were still there."""
        arguments: list[Argument] = [part for fact in facts for part in fact]
        return int(await self._scripts.call("forget", *arguments)) if arguments else 0

    async def forget(self, facts: Sequence[Fact]) -> int:
        """Drop recorded facts from the outbox; returns how many were still there."""
        return await self.forget_facts((fact.entry_id, fact.size_bytes) for fact in facts)
