"""A long run that is ended from outside leaves no process behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from tests.builders import eventually
from tests.chaos.fleet import ROOT
from tests.chaos.long.system import WORKERS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

RUN = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/chaos/long/test_worker_deaths.py"]


def workers_in(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are at work: they have started a recorder."""
    found = []
    for process in processes:
        try:
            if process.cmdline()[1:] == ["-m", "pregao", "worker"] and process.children():
                found.append(process)
        except psutil.Error:
            continue  # it ended as we looked
    return found


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
async def test_a_run_that_is_ended_leaves_no_process(how: signal.Signals, tmp_path: Path) -> None:
    """Engines, workers, one of them frozen, their recorders and whatever else came from it."""
    run = await asyncio.create_subprocess_exec(
        *RUN, "-k", "killed_at_random", f"--basetemp={tmp_path / 'run'}",
        cwd=ROOT, env={**os.environ, "CHAOS_SEED": "1", "CHAOS_SCALE": "1"},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    root = psutil.Process(run.pid)

    async def descendants() -> list[psutil.Process]:
        return root.children(recursive=True)

    found: list[psutil.Process] = []
    try:
        found = await eventually(
            descendants, lambda seen: len(workers_in(seen)) >= WORKERS, seconds=120, what="the workers of the run"
        )
        frozen = workers_in(found)[0]
        frozen.send_signal(signal.SIGSTOP)
        found = await descendants()
        told = {process: f"{process.pid} {' '.join(process.cmdline())}" for process in found if lives(process)}
        run.send_signal(how)
        assert await run.wait() != 0

        async def left() -> list[str]:
            return [told[process] for process in found if lives(process)]

        await eventually(left, lambda left: left == [], seconds=30, what="the end of all its processes")
    finally:
        for process in filter(lives, [root, *found]):
            process.kill()
