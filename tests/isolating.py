"""Isolated attempts for tests: a directory of misbehaving scrapers, run without a queue, and who lives afterwards."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from loguru import logger
from tests.builders import eventually
from tests.foreign import FOREIGN

from pregao.attempt.outcome import Completed, Failed, Killed, Stopped, StopReason
from pregao.isolation.host import Isolation
from pregao.isolation.marker import marked
from pregao.isolation.messages import InitializeMode, Limits, Target
from pregao.isolation.terms import Terms
from pregao.isolation.tree import Snapshot

MISBEHAVING = FOREIGN / "misbehaving"
THREADS = FOREIGN / "threads"
PATIENCE_SECONDS = 60.0
"""Far more than any attempt here needs, so that no test of something else hangs on the machine's speed."""


def target(name: str, directory: Path = MISBEHAVING, *, browser: bool = False) -> Target:
    """A scraper of the directory by its class, less `Scraper`: DeafChild is in scrapers/deaf_child_scraper.py."""
    stem = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return Target(str(directory), f"scrapers.{stem}_scraper", f"{name}Scraper", browser=browser)


def targets(directory: str) -> list[Target]:
    """All scrapers of a directory, as discovery would find them."""
    files = sorted(Path(directory, "scrapers").glob("*_scraper.py"))
    names = ["".join(part.title() for part in file.stem.removesuffix("_scraper").split("_")) for file in files]
    return [target(name, Path(directory), browser=name == "Page") for name in names]


class Attempts:
    """Runs attempts on one `Isolation`."""

    def __init__(self, isolation: Isolation) -> None:
        self.isolation = isolation
        self._count = 0

    async def __call__(
        self,
        name: str,
        argument: str | None = "PETR4",
        *,
        directory: Path = MISBEHAVING,
        stop: asyncio.Future[StopReason] | None = None,
        timeout_seconds: float = PATIENCE_SECONDS,
        cleanup_seconds: float = 5.0,
        initialize: InitializeMode = "auto",
        **limits: Any,
    ) -> Completed | Failed | Killed | Stopped:
        """One attempt of a scraper to its end."""
        self._count += 1
        return await self.isolation.run(
            target(name, directory, browser=name == "Page"),
            argument,
            token=f"1-{self._count}",
            terms=Terms(
                timeout_seconds=timeout_seconds,
                cleanup_seconds=cleanup_seconds,
                initialize=initialize,
                limits=Limits(**limits),
            ),
            stop=stop or asyncio.get_running_loop().create_future(),
        )

    async def data(self, name: str, argument: str | None = "PETR4", **terms: Any) -> Any:
        """The data of an attempt that must complete."""
        outcome = await self(name, argument, **terms)
        assert isinstance(outcome, Completed), outcome
        return outcome.data

    def zygote_pid(self, directory: Path = MISBEHAVING) -> int:
        """The process that forks for a directory now."""
        process = self.isolation._zygotes._current[str(directory)]._process
        assert process is not None
        return process.pid


@asynccontextmanager
async def isolating(environment: Mapping[str, str] | None = None) -> AsyncIterator[Attempts]:
    """A worker's isolation; at the end nothing that it started may live, nor have to be killed for that."""
    given = {"PATH": os.environ["PATH"], **(environment or {})}
    logged: list[str] = []
    sink = logger.add(logged.append, level="WARNING")
    try:
        async with Isolation(given, targets) as isolation:
            yield Attempts(isolation)
    finally:
        logger.remove(sink)
    assert ours() == []
    assert [line for line in logged if "outlived" in line] == []


def ours() -> list[tuple[int, str]]:
    """What lives and bears this process's mark: pids and names."""
    snapshot = Snapshot.take()
    pids = {pid for pid, marker in marked(snapshot) if marker.worker_pid == os.getpid()}
    return [(pid, snapshot.processes[pid].name) for pid in sorted(pids) if snapshot.processes[pid].lives]


def alive(pids: list[int]) -> list[int]:
    """Which of these processes live."""
    processes = Snapshot.take().processes
    return [pid for pid in pids if pid in processes and processes[pid].lives]


def pids_in(file: Path) -> list[int]:
    """The pids that a scraper wrote into a file."""
    return [int(word) for word in file.read_text().split()] if file.exists() else []


async def written(file: Path, count: int = 1) -> list[int]:
    """Wait until so many pids are in the file."""

    async def read() -> list[int]:
        return pids_in(file)

    return await eventually(read, lambda pids: len(pids) >= count, seconds=PATIENCE_SECONDS, what=f"pids in {file}")


async def entries(diary: Path, count: int = 1) -> list[str]:
    """Wait until so many lines are in a diary."""

    async def read() -> list[str]:
        return diary.read_text().splitlines() if diary.exists() else []

    return await eventually(read, lambda lines: len(lines) >= count, seconds=PATIENCE_SECONDS, what=f"{count} entries")
