"""Real worker processes for the chaos tests, and the logs that their jobs append to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from pregao.embedded.parent import as_parent

ROOT = Path(__file__).resolve().parents[2]


class Fleet:
    """Worker processes that die with this one; `executions()` is what the jobs themselves say of what ran."""

    def __init__(self, home: Path, redis_url: str, database_url: str, **environ: str) -> None:
        self._home = home
        self._log_directory = home / "executions"
        self._log_directory.mkdir(parents=True)
        self.environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            "PREGAO_HOME": str(home),
            "PREGAO_TEST_LOG": str(self._log_directory),
            "PREGAO_SCRAPERS": "tests.sample_scrapers:Logged",
            "REDIS_URL": redis_url,
            "DATABASE_URL": database_url,
            **environ,
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, role: str = "worker") -> subprocess.Popen[bytes]:
        """Start one more process of a role; its log goes to a file of its own."""
        with (self._home / f"{role}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pregao", role],
                env={**self.environ, **as_parent()},
                cwd=self._home,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """End every process, stopped ones included."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()

    def executions(self) -> Counter[str]:
        """How often each argument was run, from the logs of the jobs."""
        lines = (line for log in self._log_directory.glob("*.log") for line in log.read_text().splitlines())
        return Counter(line.split()[1] for line in lines if len(line.split()) == 2)

    def logs(self) -> str:
        """All that the processes printed."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self._home.glob("*.log")))
