"""Browsers by the hundred, left open, hung, crashed, killed, with workers and zygotes killed under them."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import pytest
from tests.builders import eventually
from tests.chaos.browsing import LEASE_MS, browse, browser, browsing_jobs, lives_of, scratch_of
from tests.chaos.long.system import System
from tests.isolating import MISBEHAVING

from pregao.isolation.tree import Snapshot

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

JOBS = 200
WORKER_KILLS = 8
ZYGOTE_KILLS = 8


def browsers_of_the_machine() -> int:
    """Live ones, whoever started them."""
    return sum(process.lives and "chrom" in process.name for process in Snapshot.take().processes.values())


async def test_browser_jobs_leave_no_process_behind(system: System, chance: random.Random, tmp_path: Path) -> None:
    limits = tmp_path / "scrapers.yaml"
    limits.write_text("defaults: {breaker_failures: 0}\n")  # so many of these die that it would open, as it should
    system.prepare(
        PREGAO_SCRAPERS_FILE=str(limits),
        PREGAO_SCRAPERS="",
        SCRAPERS_PATH=str(MISBEHAVING),
        CHROMIUM=browser(),
        PREGAO_LEASE_MS=str(LEASE_MS),
        SCRAPER_CONCURRENT_JOBS="3",
        SCRAPER_BROWSERS="3",
        SCRAPER_MEMORY_MB="500",
        SCRAPER_CLEANUP_SECONDS="2",
    )
    jobs = browsing_jobs(system.scaled(JOBS, at_least=12), chance)
    before = browsers_of_the_machine()
    kills = system.scaled(WORKER_KILLS, at_least=1), system.scaled(ZYGOTE_KILLS, at_least=1)
    ends = await browse(system.fleet, system.commands, system.views, jobs, worker_kills=kills[0], zygote_kills=kills[1])
    entry = system.entry
    entry.jobs = len(jobs)
    entry.fault("kill -9 of a worker", kills[0])
    entry.fault("kill -9 of a zygote", kills[1])
    entry.remarks.append(f"{ends['completed']} jobs completed, {ends['failed']} failed, as they were made to")
    workers = [process.pid for process in system.fleet.processes]
    for process in system.fleet.processes:
        process.terminate()
    for process in system.fleet.processes:
        process.wait(60)
    stopped = time.monotonic()

    async def lives() -> list[str]:
        return lives_of(workers)

    await eventually(lives, lambda left: left == [], seconds=30, what="the end of all processes")
    entry.remarks.append(f"browser processes of the machine: {before} at first, {browsers_of_the_machine()} at last")
    entry.remarks.append(
        f"{len(workers)} workers left no process, {time.monotonic() - stopped:.1f} s after the last one"
    )
    assert sum(ends.values()) == len(jobs), ends
    assert ends["completed"] >= len(jobs) // 4, "those without a bad habit, and those that leave their browser open"
    assert scratch_of(workers, Path(tempfile.gettempdir())) == []
