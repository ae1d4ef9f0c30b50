"""Real workers that are killed with isolated attempts running: nothing that these started may live on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.builders import eventually, spec
from tests.chaos.fleet import Fleet
from tests.isolating import MISBEHAVING, alive, entries, written

from pregao.domain.job import JobStatus
from pregao.isolation.marker import marked
from pregao.isolation.tree import Snapshot
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews

LEASE_MS = "1000"


@pytest.fixture
def fleet(redis_url: str, database_url: str, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(
        tmp_path / "fleet",
        redis_url,
        database_url,
        SCRAPERS_PATH=str(MISBEHAVING),
        PREGAO_LEASE_MS=LEASE_MS,
        SCRAPER_CONCURRENT_JOBS="4",
    )
    yield fleet
    fleet.stop()
    for worker in fleet.processes:
        _kill(of_worker(worker.pid))


def of_worker(pid: int) -> list[int]:
    """What lives and runs for a worker process."""
    snapshot = Snapshot.take()
    return alive([found for found, marker in marked(snapshot) if marker.worker_pid == pid])


def zygotes_of(pid: int) -> list[int]:
    processes = Snapshot.take().processes
    return [found for found in of_worker(pid) if processes[found].name == "pregao-zygote"]


def scratch_of(pid: int) -> list[Path]:
    """The temporary directories of a worker process."""
    return list(Path(tempfile.gettempdir()).glob(f"pregao-*-{pid}-*-*"))


async def test_a_worker_that_is_killed_takes_everything_with_it(
    fleet: Fleet, queue: QueueCommands, views: QueueViews, tmp_path: Path
) -> None:
    """Nobody sweeps here: the zygote alone sees to it."""
    worker, pids = await running(fleet, queue, views, tmp_path)
    worker.kill()
    worker.wait()
    await eventually(lambda: asyncio.sleep(0, alive(pids)), lambda left: left == [], seconds=30)
    assert of_worker(worker.pid) == []


async def test_what_outlives_worker_and_zygote_is_swept_by_the_next_worker(
    fleet: Fleet, queue: QueueCommands, views: QueueViews, tmp_path: Path
) -> None:
    worker, pids = await running(fleet, queue, views, tmp_path)
    assert scratch_of(worker.pid)
    _kill([*zygotes_of(worker.pid), worker.pid])
    worker.wait()
    assert alive(pids), "the attempts that block do not notice"
    fleet.start()
    await eventually(lambda: asyncio.sleep(0, alive(pids)), lambda left: left == [], seconds=30)
    await eventually(lambda: asyncio.sleep(0, scratch_of(worker.pid)), lambda left: left == [], seconds=30)


async def test_a_zygote_that_is_killed_costs_its_worker_nothing(
    fleet: Fleet, queue: QueueCommands, views: QueueViews, tmp_path: Path
) -> None:
    worker = fleet.start()
    first, second = spec("Blocking", "1"), spec("SharedGate", "PETR4")
    await queue.enqueue([first])
    [zygote] = await eventually(lambda: asyncio.sleep(0, zygotes_of(worker.pid)), seconds=60)
    await eventually(lambda: views.status(first.id), lambda status: status is JobStatus.RUNNING)
    await eventually(lambda: asyncio.sleep(0, "BlockingScraper" in names_of(worker.pid)))
    _kill([zygote])
    await queue.enqueue([second])
    for job in (first, second):
        await eventually(lambda job=job: views.status(job.id), lambda status: status is JobStatus.COMPLETED)  # type: ignore[misc]
    document = await views.document(first.id)
    assert document is not None
    assert document["attempt"] == 1
    assert zygotes_of(worker.pid) != [zygote]


def names_of(pid: int) -> set[str]:
    processes = Snapshot.take().processes
    return {processes[found].name for found in of_worker(pid) if found in processes}


async def running(
    fleet: Fleet, queue: QueueCommands, views: QueueViews, tmp_path: Path
) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A worker with four attempts that will not end, and the pids of all that runs for it."""
    worker = fleet.start()
    jobs = [
        spec("Daemon", f"wait:{tmp_path / 'daemon'}"),
        spec("DeafChild", f"wait:{tmp_path / 'deaf'}"),
        spec("Looping", "PETR4"),
        spec("Diary", f"block:{tmp_path / 'diary'}"),
    ]
    await queue.enqueue(jobs)
    started = [*await written(tmp_path / "daemon"), *await written(tmp_path / "deaf", 2)]
    await entries(tmp_path / "diary")
    await eventually(lambda: asyncio.sleep(0, "LoopingScraper" in names_of(worker.pid)))
    pids = sorted({*started, *of_worker(worker.pid)})
    assert len(pids) >= 8
    return worker, pids


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
