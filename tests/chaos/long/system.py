"""The system under test, what is done to it, and the books that are checked at the end."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import asyncpg
from tests.builders import eventually, spec
from tests.chaos.fleet import Fleet
from tests.chaos.long.oracle import Oracle
from tests.chaos.long.report import Entry
from tests.chaos.long.witness import JOB_SECONDS, RESULT_BYTES

from pregao.domain.errors import QueueFull
from pregao.domain.job import JobSpec
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.views import QueueViews
from pregao.store.migrations import migrate

JOBS = 10_000
WORKERS = 4
SLOTS = 20
LEASE_SECONDS = 2.0
BESIDE_OTHERS_SECONDS = 2.0
"""Within which a death is found out by a worker of the same machine, whatever the lease."""
SEEN_SECONDS = 1.5
"""A worker looks at its neighbours once a second: a new one is known to all of them after this time."""
SETTLE_BATCH = 200
RUN_SECONDS = 0.2
DATABASE = "postgres"


class System:
    """Two engines, four workers with twenty slots each, and a list of jobs by known ids."""

    def __init__(
        self, valkey: Valkey, postgres: Postgres, home: Path, chance: random.Random, entry: Entry, scale: float
    ) -> None:
        self.valkey = valkey
        self.postgres = postgres
        self.chance = chance
        self.entry = entry
        self.jobs: list[JobSpec] = []
        self.interruptions = 0
        """Worker processes that died, or were cut off for longer than a lease: what re-runs are allowed for."""
        self._home = home
        self._scale = scale
        self._deaths: list[tuple[int, float]] = []
        self.redis = open_redis(valkey.private_url)
        self.commands = QueueCommands(self.redis)
        self.views = QueueViews(self.redis)
        self.prepare()

    async def open(self) -> None:
        """Make the tables; no process is started yet."""
        await migrate(self.database_url)

    async def close(self) -> None:
        """End every process."""
        self.fleet.stop()
        await self.redis.aclose()

    def prepare(self, redis_url: str | None = None, database_url: str | None = None, **environ: str) -> None:
        """Say how the processes are started from now on; before the first one."""
        if self._home.exists():
            self._home = self._home.with_name("again")
        self.fleet = Fleet(
            self._home,
            redis_url or self.valkey.private_url,
            database_url or self.database_url,
            **{
                "PREGAO_SCRAPERS": "tests.chaos.long.witness:Witness",
                "PREGAO_LEASE_MS": str(int(LEASE_SECONDS * 1000)),
                "SCRAPER_CONCURRENT_JOBS": str(SLOTS),
                "PREGAO_GRACE_SECONDS": "10",
                "LOG_LEVEL": "WARNING",
                JOB_SECONDS: str(RUN_SECONDS),
                RESULT_BYTES: "0",
                **environ,
            },
        )
        self.oracle = Oracle(self._home / "executions")

    @property
    def database_url(self) -> str:
        return self.postgres.private_url_of(DATABASE)

    def scaled(self, count: int, at_least: int = 1) -> int:
        """`count` at CHAOS_SCALE."""
        return max(at_least, round(count * self._scale))

    async def start_workers(self, count: int = WORKERS) -> None:
        for _ in range(count):
            self.fleet.start()
        await eventually(self.views.workers, lambda workers: len(workers) >= count, seconds=120, what="workers")

    async def until_seen_by_neighbours(self) -> None:
        """Wait until every worker, also one that has just replaced another, is known to those beside it."""
        live = sum(process.poll() is None for process in self.fleet.processes)
        await eventually(self.views.workers, lambda workers: len(workers) >= live, seconds=60, what="the new worker")
        await asyncio.sleep(SEEN_SECONDS)

    async def enqueue(self, count: int) -> None:
        """Accept that many more jobs."""
        known = len(self.jobs)
        try:
            await self.commands.enqueue(self.new_specs(count))
        except QueueFull:
            del self.jobs[known:]
            raise

    def new_specs(self, count: int) -> list[JobSpec]:
        """More jobs, each with a ticker of its own; from now on they must not be lost."""
        first = len(self.jobs)
        specs = [spec("Witness", f"T{first + n:05}", max_retries=0) for n in range(count)]
        self.jobs += specs
        return specs

    async def accept(self, specs: list[JobSpec]) -> None:
        """Accept these as well."""
        await self.commands.enqueue(specs)
        self.jobs += specs

    async def until_begun(self, share: float) -> None:
        """Wait until that share of the jobs was begun, by the oracle."""
        wanted = share * len(self.jobs)

        async def begun() -> int:
            return len(self.oracle.executions())

        await eventually(begun, lambda count: count >= wanted, seconds=180, what=f"{share:.0%} of the jobs")

    async def versions(self) -> str:
        """Of the two engines."""
        info = await self.redis.info("server")
        [row] = await self.rows("SHOW server_version")
        return f"Valkey {info.get('valkey_version') or info['redis_version']}, PostgreSQL {row['server_version']}"

    # --- faults ------------------------------------------------------------------------------------------------

    async def busy_worker(self) -> subprocess.Popen[bytes]:
        """A live process that executes jobs at this moment."""

        async def find() -> list[subprocess.Popen[bytes]]:
            live = [process for process in self.fleet.processes if process.poll() is None]
            return [process for process in live if self.oracle.running_in(process.pid)]

        return self.chance.choice(await eventually(find, seconds=60, what="a busy worker"))

    async def kill_a_worker(self) -> None:
        """SIGKILL, and a new worker in its place."""
        victim = await self.busy_worker()
        victim.send_signal(signal.SIGKILL)
        self.note_death(victim.pid, "kill -9")
        victim.wait()
        self.fleet.start()

    def note_death(self, pid: int, fault: str) -> None:
        """From now on `pid` renews nothing: its jobs must begin again elsewhere in time."""
        self._deaths.append((pid, time.time()))
        self.interruptions += 1
        self.entry.fault(fault)

    # --- the end -----------------------------------------------------------------------------------------------

    async def rows(self, query: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def all_recorded(self, expected: int | None = None, seconds: float = 240) -> None:
        """Wait until every job (or `expected` of them) has its row and nothing is on its way."""
        wanted = len(self.jobs) if expected is None else expected

        async def recorded() -> tuple[int, int]:
            [row] = await self.rows("SELECT count(*) AS n FROM scraper_results")
            return row["n"], (await self.views.outbox()).entries

        await eventually(recorded, lambda now: now[0] >= wanted and not now[1], seconds=seconds, what="recording")

    async def check(
        self,
        *,
        may_be_lost: Callable[[str], bool] = lambda _: False,
        failed: frozenset[str] = frozenset(),
        redis_forgot: bool = False,
        sent_away: int = 0,
    ) -> None:
        """Compare what was asked for, what ran and what is recorded; fill the report's line; assert the bars.

        `may_be_lost(id)` holds for a job that no part of the system ever recorded; `failed` are the tickers that
        have to end as failed; after `redis_forgot`, what had completed may have done so again; `sent_away` executions
        were answered "later", so that running again is no loss.
        """
        executions = self.oracle.executions()
        results = await self.rows("SELECT job_id::text, ticker, success FROM scraper_results")
        twice = await self.rows(
            "SELECT job_id FROM job_attempts WHERE outcome = 'completed' GROUP BY job_id HAVING count(*) > 1"
        )
        missing = {job.id for job in self.jobs} - {row["job_id"] for row in results}
        forgiven = {job_id for job_id in missing if may_be_lost(job_id)}
        entry = self.entry
        entry.jobs, entry.lost, entry.unrecorded_lost = len(self.jobs), len(missing - forgiven), len(forgiven)
        entry.rerun = sum(executions.values()) - len(executions) - sent_away
        entry.late_settles_refused = self.late_settles_refused()
        recoveries = [self.oracle.recovery_seconds(pid, at) for pid, at in self._deaths]
        entry.recoveries += [seconds for seconds in recoveries if seconds is not None]

        assert not missing - forgiven, f"{entry.lost} jobs are lost"
        assert max(Counter(row["ticker"] for row in results).values()) == 1, "one result row each"
        assert {row["ticker"] for row in results if not row["success"]} == failed
        assert {row["ticker"] for row in results} <= set(executions), "a result without an execution"
        assert redis_forgot or twice == [], "an attempt was settled after another one of the same job"
        assert entry.rerun <= (SLOTS + SETTLE_BATCH) * self.interruptions, entry.rerun
        await self.check_that_nothing_is_left()

    def late_settles_refused(self) -> int:
        """Attempts that ended, or were stopped, after their lease was lost, and wrote nothing."""
        return len(re.findall(r"late settle refused|wrote nothing|given back[^\n]* \(stale\)", self.logs()))

    def logs(self) -> str:
        return self.fleet.logs()

    async def check_that_nothing_is_left(self) -> None:
        """No job is anywhere in Redis but as an ended one, and PostgreSQL agrees."""
        lengths = await self.views.lengths()
        assert (lengths.total, lengths.delayed, lengths.running) == (0, 0, 0)
        assert await self.redis.hgetall("scraper:inuse") == {}
        unfinished = await self.rows(
            "SELECT status, count(*) FROM jobs WHERE status IN ('pending', 'running', 'retry') GROUP BY status"
        )
        assert unfinished == [], unfinished

    def check_recovery(self, limit_seconds: float = LEASE_SECONDS + 1) -> None:
        assert self.entry.recoveries, "no fault stopped any work"
        assert max(self.entry.recoveries) <= limit_seconds, self.entry.recoveries

    def note_recovery(self, since: float) -> None:
        """Work stood still for everybody; it goes on with the first execution after `since`."""
        following = self.oracle.next_start_after(since)
        if following is not None:
            self.entry.recoveries.append(following - since)
