"""`pregao up` as a user starts it: a process of its own, watched from outside."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from pregao.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
UP_SECONDS = 60.0
SCHEDULES = """\
schedules:
  hourly_rates:
    type: cron
    scraper: BCB
    minute: 0
    tickers: [SELIC, IPCA]
"""


class RunningSystem:
    """One `pregao up` with its output, and every process that it ever had."""

    def __init__(self, home: Path, command: Sequence[str], environment: dict[str, str]) -> None:
        self.home = home
        self.api_port = int(environment["API_PORT"])
        self._lines: list[str] = []
        self._known: set[psutil.Process] = set()
        self._process = subprocess.Popen(
            list(command),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def wait_for(self, pattern: str, timeout: float = UP_SECONDS) -> re.Match[str]:
        """Wait until the output matches."""
        wait_until(lambda: re.search(pattern, self.output) is not None or self.ended, timeout, pattern)
        found = re.search(pattern, self.output)
        assert found is not None, f"it ended without {pattern!r}:\n{self.output}"
        return found

    def wait_until_up(self) -> RunningSystem:
        self.wait_for(r"Stop with Ctrl-C")
        return self

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, timeout: float = UP_SECONDS) -> int:
        """Wait for its end; the exit code."""
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        return code

    def family(self) -> list[psutil.Process]:
        """Itself and all processes below it, engines included."""
        root = psutil.Process(self.pid)
        family = [root, *root.children(recursive=True)]
        self._known.update(family)
        return family

    def child(self, word: str) -> psutil.Process:
        """The live process below it whose command line has `word` as an argument or is its name."""
        found = self.find(word)
        if found is None:
            wait_until(lambda: self.find(word) is not None, UP_SECONDS, f"{word} runs")
            found = self.find(word)
        assert found is not None
        return found

    def find(self, word: str) -> psutil.Process | None:
        """What `child` gives, or None when there is no such process now."""
        for process in self.family()[1:]:
            try:
                if word == process.name() or word in process.cmdline():
                    return process
            except psutil.Error:
                continue
        return None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def env(self) -> dict[str, str]:
        """What `pregao env` prints for it."""
        done = run_pregao("env", PREGAO_HOME=str(self.home))
        assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def api(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return httpx.request(method, f"http://127.0.0.1:{self.api_port}{path}", timeout=10, **arguments)

    def end(self) -> None:
        """End all of it at once, whatever state it is in."""
        if not self.ended:
            self.family()
        for process in self._known:
            kill(process)
        self.wait()
        psutil.wait_procs(list(self._known), 10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)


@contextmanager
def system_up(
    home: Path, *, command: Sequence[str] = (sys.executable, "-m", "pregao", "up"), **variables: str
) -> Iterator[RunningSystem]:
    """Start a system in `home`; end it with the block, and leave nothing running."""
    running = RunningSystem(home, command, environment(home, **variables))
    try:
        yield running
    finally:
        running.end()


def environment(home: Path, **variables: str) -> dict[str, str]:
    """A clean environment for a system in `home`, with a small schedule file and a free API port."""
    schedules = home.parent / "schedules.yaml"
    if not schedules.exists():
        schedules.parent.mkdir(parents=True, exist_ok=True)
        schedules.write_text(SCHEDULES)
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"],
        "PYTHONPATH": str(ROOT / "src"),
        "PREGAO_HOME": str(home),
        "PREGAO_SCHEDULES": str(schedules),
        "PREGAO_SCRAPERS_FILE": os.environ["PREGAO_SCRAPERS_FILE"],
        "PREGAO_MEMORY_HIGH_PERCENT": os.environ["PREGAO_MEMORY_HIGH_PERCENT"],
        "API_PORT": str(unused_port()),
        **variables,
    }


def run_pregao(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """One verb of the command line, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "pregao", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(ROOT / "src")}
        | variables,
        capture_output=True,
        text=True,
        timeout=UP_SECONDS,
        check=False,
    )


def unused_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Poll until `condition()` holds; fail with `what` when it does not in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.02)


def all_ended(processes: Sequence[psutil.Process], timeout: float) -> bool:
    """Whether all of them are gone, or are mere zombies, within `timeout` seconds."""
    _, alive = psutil.wait_procs(list(processes), timeout)
    return all(not process.is_running() or process.status() == psutil.STATUS_ZOMBIE for process in alive)


def kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


Pregao = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


def pregao_on(settings: Settings, *first: str) -> Pregao:
    """The command on the engines of a test, with words that each call begins with; `code` is how it has to end."""
    variables = {
        "REDIS_URL": settings.resolve_redis_url(),
        "DATABASE_URL": settings.resolve_database_url(),
        "PREGAO_HOME": str(settings.pregao_home),
        "PREGAO_SCRAPERS_FILE": str(settings.scrapers_file),
    }

    async def do(*arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        done = await asyncio.to_thread(run_pregao, *first, *arguments, **(variables | environ))
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return do
