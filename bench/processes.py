"""Runs contestants: each in a process of its own, in its environment and on its cores."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from bench.engines import Engines, on_cores
from bench.environments import python_of

ROOT = Path(__file__).parents[1]
LIMIT_SECONDS = 60.0
SETTINGS = ("PREGAO_", "SCRAPER_", "REDIS_", "DATABASE_", "DB_", "LOG_")


class ContestantFailed(Exception):
    """A contestant ended without figures; the message has the end of what it printed."""


@dataclass
class Running:
    """A contestant's process."""

    who: str
    process: subprocess.Popen[str]
    log: IO[str] = field(repr=False)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    def figures(self) -> dict[str, Any]:
        """The next line that it says. Raises ContestantFailed."""
        line = cast("IO[str]", self.process.stdout).readline()
        if not line:
            self.log.seek(0)
            raise ContestantFailed(f"{self.who} ended without figures:\n{self.log.read()[-2000:]}")
        return cast("dict[str, Any]", json.loads(line))


@contextmanager
def started(
    engines: Engines, who: str, action: str, jobs: int = 0, slots: int = 0, *, cores: Sequence[int]
) -> Iterator[Running]:
    """Start one action of a contestant; it is killed at the end of the block, or when it takes too long."""
    command = [python_of(who), "-m", "bench.driver", who, action, engines.url, str(jobs), str(slots)]
    with tempfile.TemporaryFile("w+") as log:
        with on_cores(*cores):
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=log, text=True
            )
        limit = threading.Timer(LIMIT_SECONDS, process.kill)
        limit.start()
        try:
            yield Running(who, process, log)
        finally:
            limit.cancel()
            process.kill()
            process.wait()
            cast("IO[str]", process.stdout).close()


def run(
    engines: Engines, who: str, action: str, jobs: int = 0, slots: int = 0, *, cores: Sequence[int]
) -> dict[str, Any]:
    """One action from start to end, and its figures."""
    with started(engines, who, action, jobs, slots, cores=cores) as running:
        return running.figures()


def environment() -> dict[str, str]:
    """Our environment without settings of Pregão's, with this suite importable."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return {**ours, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
