"""The short survival run: known jobs, three workers, every kind of death. `make chaos` has the long one."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.builders import eventually, spec, written_to_file
from tests.chaos.fleet import Fleet

from pregao.domain.job import JobSpec
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.views import QueueViews
from pregao.store.migrations import migrate

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

JOBS = 2_000
SLOTS = 20
LEASE_SECONDS = 2.0
SETTLE_BATCH = 200


@pytest.fixture
def fleet(valkey_server: Valkey, postgres_server: Postgres, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(
        tmp_path / "fleet",
        valkey_server.url,
        postgres_server.private_url_of("postgres"),
        PREGAO_LEASE_MS=str(int(LEASE_SECONDS * 1000)),
        SCRAPER_CONCURRENT_JOBS=str(SLOTS),
        PREGAO_GRACE_SECONDS="10",
        LOG_LEVEL="WARNING",
        PREGAO_TEST_JOB_SECONDS="0.25",
    )
    yield fleet
    fleet.stop()


class Faults:
    """What was done to the system, and how long it took to recover."""

    def __init__(self, fleet: Fleet, views: QueueViews) -> None:
        self.fleet = fleet
        self.views = views
        self.kills = 0
        self.recovery_seconds: list[float] = []

    async def until_executed(self, count: int) -> None:
        async def executed() -> int:
            return sum(self.fleet.executions().values())

        await eventually(executed, lambda done: done >= count, seconds=60, what=f"{count} executions")

    async def running_by(self, pid: int) -> list[str]:
        documents = await self.views.documents(await self.views.running_ids())
        return [i for i, document in documents.items() if f":{pid}:" in str(document["worker"])]

    async def kill_a_worker(self) -> None:
        victim = await self.busy_worker()
        victim.send_signal(signal.SIGKILL)
        died = time.monotonic()
        self.kills += 1
        await self.reclaimed(victim.pid, died)
        self.fleet.start()

    async def freeze_a_worker_past_its_lease(self) -> None:
        victim = await self.busy_worker()
        victim.send_signal(signal.SIGSTOP)
        frozen = time.monotonic()
        self.kills += 1
        await self.reclaimed(victim.pid, frozen)
        victim.send_signal(signal.SIGCONT)

    async def reclaimed(self, pid: int, since: float) -> None:
        await eventually(lambda: self.running_by(pid), lambda ids: not ids, what="reclaiming")
        self.recovery_seconds.append(time.monotonic() - since)

    async def stop_a_worker_politely(self) -> int:
        victim = await self.busy_worker()
        victim.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(victim.wait, 30)
        self.fleet.start()
        return code

    async def busy_worker(self):  # type: ignore[no-untyped-def]
        """A live process that holds jobs at this moment."""

        async def find():  # type: ignore[no-untyped-def]
            for process in self.fleet.processes:
                if process.poll() is None and await self.running_by(process.pid):
                    return process
            return None

        return await eventually(find, what="a busy worker")


async def test_nothing_is_lost_and_nothing_recorded_twice_whatever_dies(
    fleet: Fleet, valkey_server: Valkey, postgres_server: Postgres
) -> None:
    database_url = postgres_server.private_url_of("postgres")
    await migrate(database_url)
    jobs = [spec("Logged", f"T{n:04}", max_retries=0) for n in range(JOBS)]
    async with open_redis(valkey_server.url) as redis:
        views = QueueViews(redis)
        for _ in range(3):
            fleet.start()
        await eventually(views.workers, lambda workers: len(workers) == 3, seconds=60, what="three workers")
        await QueueCommands(redis).enqueue(jobs)
        faults = Faults(fleet, views)

        await faults.until_executed(150)
        await faults.kill_a_worker()
        await faults.until_executed(400)
        await faults.freeze_a_worker_past_its_lease()
        await faults.until_executed(700)
        await written_to_file(redis)
        valkey_server.kill()
        await asyncio.sleep(1)
        valkey_server.start()
        await faults.until_executed(1_000)
        postgres_server.kill()
        await faults.until_executed(1_200)
        postgres_server.start()
        assert await faults.stop_a_worker_politely() == 0
        await faults.until_executed(1_500)
        await faults.kill_a_worker()

        await all_recorded(views, database_url)
        await check_the_books(fleet, database_url, jobs, faults)
        lengths = await views.lengths()
        assert (lengths.total, lengths.delayed, lengths.running) == (0, 0, 0)
        assert (await views.outbox()).dead == 0


async def all_recorded(views: QueueViews, database_url: str) -> None:
    async def recorded() -> tuple[int, int]:
        connection = await asyncpg.connect(database_url)
        try:
            rows = await connection.fetchval("SELECT count(*) FROM scraper_results")
        finally:
            await connection.close()
        return rows, (await views.outbox()).entries

    await eventually(recorded, lambda now: now == (JOBS, 0), seconds=90, what="recording everything")


async def check_the_books(fleet: Fleet, database_url: str, jobs: list[JobSpec], faults: Faults) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        results = await connection.fetch("SELECT job_id, success FROM scraper_results")
        states = await connection.fetch("SELECT status, count(*) AS n FROM jobs GROUP BY status")
        settled = await connection.fetch(
            "SELECT job_id FROM job_attempts WHERE outcome = 'completed' GROUP BY job_id HAVING count(*) > 1"
        )
    finally:
        await connection.close()
    assert {str(row["job_id"]) for row in results} == {job.id for job in jobs}, "none lost, one row each"
    assert all(row["success"] for row in results)
    assert {row["status"]: row["n"] for row in states} == {"completed": JOBS}
    assert settled == [], "no attempt was settled after another one of the same job"

    executions = fleet.executions()
    assert set(executions) == {job.ticker for job in jobs}
    reruns = sum(executions.values()) - JOBS
    assert reruns <= (SLOTS + SETTLE_BATCH) * faults.kills
    too_late = re.search(r"late settle refused|wrote nothing|given back[^\n]* \(stale\)", fleet.logs())
    assert too_late, "the frozen worker came too late"
    assert max(faults.recovery_seconds) <= LEASE_SECONDS + 1, faults.recovery_seconds
    print(f"\n{JOBS} jobs, {faults.kills} kills, {reruns} run again, recovery {faults.recovery_seconds}")
