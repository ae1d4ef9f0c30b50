"""Real browsers in isolated attempts: whether there is one, jobs that use it well and badly, and what lives of them."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest
from tests.builders import eventually, spec
from tests.chaos.fleet import Fleet

from pregao.domain.job import JobSpec
from pregao.isolation.marker import marked
from pregao.isolation.tree import Snapshot
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews

PAGE = "data:text/html,<title>Petrobras</title><p>PETR4"
HABITS = ("", "leave|", "wait|", "wait|", "crash|", "bomb|")
"""What becomes of a job: a title, a browser left open, a timeout twice as often, a crash, a kill for memory."""
LEASE_MS = 1000


def browser() -> str:
    """The system's Chromium. Skips the test where there is none, unless PREGAO_REQUIRE_BROWSER=1: then it fails."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None and os.environ.get("PREGAO_REQUIRE_BROWSER") == "1":
        pytest.fail("PREGAO_REQUIRE_BROWSER=1, and there is no chromium in PATH")
    if found is None:
        pytest.skip("there is no chromium in PATH")
    return found


def browsing_jobs(count: int, chance: random.Random) -> list[JobSpec]:
    """Jobs of every habit, mixed; those that wait come to their timeout."""
    habits = [HABITS[number % len(HABITS)] for number in range(count)]
    chance.shuffle(habits)
    return [
        spec("Page", f"{habit}{PAGE}", max_retries=0, timeout_seconds=3.0 if habit == "wait|" else 60.0)
        for habit in habits
    ]


def lives_of(worker_pids: list[int]) -> list[str]:
    """What lives and ran for these workers, by names: marked, or a browser whose profile is in their scratch."""
    snapshot = Snapshot.take()
    found = {pid for pid, marker in marked(snapshot) if marker.worker_pid in worker_pids}
    for pid in snapshot.processes:
        line = _command_line(pid)
        if any(f"-{worker}-".encode() in line and b"/pregao-" in line for worker in worker_pids):
            found.add(pid)
    return sorted(snapshot.processes[pid].name for pid in found if snapshot.processes[pid].lives)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def scratch_of(worker_pids: list[int], base: Path) -> list[Path]:
    """The temporary directories of these workers that are still there."""
    return [path for pid in worker_pids for path in base.glob(f"pregao-*-{pid}-*-*")]


def kill_zygotes_of(worker_pid: int) -> int:
    """SIGKILL; how many."""
    snapshot = Snapshot.take()
    zygotes = [
        pid
        for pid, marker in marked(snapshot)
        if marker.worker_pid == worker_pid and snapshot.processes[pid].name == "pregao-zygote"
    ]
    for pid in zygotes:
        os.kill(pid, signal.SIGKILL)
    return len(zygotes)


async def all_ended(views: QueueViews, jobs: list[JobSpec], seconds: float) -> Counter[str]:
    """Wait for the end of every job; how they ended."""

    async def statuses() -> Counter[str]:
        return Counter([str(await views.status(job.id)) for job in jobs])

    def over(now: Counter[str]) -> bool:
        return now["completed"] + now["failed"] + now["cancelled"] == len(jobs)

    return await eventually(statuses, over, seconds=seconds, what="the end of all jobs")


async def until_ended(views: QueueViews, jobs: list[JobSpec], count: int, seconds: float) -> None:
    """Wait until so many jobs have ended."""

    async def ended() -> int:
        statuses = [await views.status(job.id) for job in jobs]
        return sum(status is not None and status.ended for status in statuses)

    await eventually(ended, lambda now: now >= count, seconds=seconds, what=f"{count} ended jobs")


async def browse(
    fleet: Fleet, queue: QueueCommands, views: QueueViews, jobs: list[JobSpec], *, worker_kills: int, zygote_kills: int
) -> Counter[str]:
    """Run the jobs on one worker at a time, which is killed so often, as are its zygotes; how the jobs ended."""
    await queue.enqueue(jobs)
    worker = fleet.start()
    faults = ["worker"] * worker_kills + ["zygote"] * zygote_kills
    random.Random(len(jobs)).shuffle(faults)
    for number, fault in enumerate(faults, 1):
        await until_ended(views, jobs, number * len(jobs) // (len(faults) + 1), seconds=600)
        if fault == "zygote":
            kill_zygotes_of(worker.pid)
            continue
        worker.kill()
        worker.wait()
        worker = fleet.start()
    return await all_ended(views, jobs, seconds=600)
