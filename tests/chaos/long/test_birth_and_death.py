"""A thousand workers that are killed soon after their start leave no key behind, and no job."""

from __future__ import annotations

import asyncio
import sys

import pytest
from tests.builders import eventually
from tests.chaos.fleet import ROOT
from tests.chaos.long.system import JOBS, System

from pregao.domain.job import JobStatus
from pregao.domain.lifecycle import POISON_LIMIT
from pregao.embedded.parent import as_parent
from pregao.queue.commands import WORKER_SILENCE_MS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

CYCLES = 1_000
QUEUE = {b"scraper:generation", b"scraper:clock", b"scraper:fence", b"scraper:outbox_bytes", b"scraper:outbox"}
LIMITS = {b"scraper:control", b"scraper:changes"}
ALWAYS_THERE = QUEUE | LIMITS


async def test_a_thousand_starts_and_kills_leave_nothing_behind(system: System) -> None:
    cycles = system.scaled(CYCLES, at_least=30)
    await system.enqueue(system.scaled(JOBS // 4))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.long.doomed_worker", str(cycles), str(system.chance.random()),
        env={**system.fleet.environ, **as_parent(), "SCRAPER_CONCURRENT_JOBS": "3"}, cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0
    system.entry.fault("start and kill -9", cycles)
    system.interruptions += cycles
    await system.start_workers(1)
    # A job whose worker died three times is given up as poison: that is how it ends, and it is recorded.
    await system.all_recorded()
    poisoned = await system.rows("SELECT ticker, error FROM scraper_results WHERE NOT success")
    assert all(f"poison: the lease was lost {POISON_LIMIT} times" in row["error"] for row in poisoned)
    system.entry.remarks.append(f"{len(poisoned)} jobs lost {POISON_LIMIT} workers and failed as poison")
    await system.check(failed=frozenset(row["ticker"] for row in poisoned))
    [last] = [process for process in system.fleet.processes if process.poll() is None]

    async def what_is_left() -> set[bytes]:
        """Keys that are neither the queue's own nor a job's; workers by their id."""
        keys = {key async for key in system.redis.scan_iter(count=1000) if not key.startswith(b"scraper:job:")}
        workers = set(await system.redis.hkeys("scraper:workers"))
        return (keys - ALWAYS_THERE - {b"scraper:workers"}) | workers

    def of_the_last(left: set[bytes]) -> bool:
        return all(f":{last.pid}:".encode() in name for name in left)

    silence = WORKER_SILENCE_MS / 1000
    await eventually(what_is_left, of_the_last, seconds=silence + 30, what="forgetting the dead")
    last.terminate()
    assert await asyncio.to_thread(last.wait, 30) == 0
    left = await what_is_left()
    assert all([await system.redis.ttl(key) > 0 for key in left]), "its last claim is kept for a minute"
    ended = {await system.redis.get(f"scraper:job:{job.id}:status") for job in system.jobs}
    assert ended <= {JobStatus.COMPLETED.value.encode(), JobStatus.FAILED.value.encode()}
