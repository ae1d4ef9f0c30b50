"""One engine process: started through `launch.py`, awaited until it answers, stopped, found again after a crash."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import psutil
from loguru import logger

from pregao.domain.errors import EngineError

LAUNCHER = Path(__file__).with_name("launch.py")
LOG_LIMIT_BYTES = 10_000_000
TAIL_BYTES = 2_000
KILL_WAIT_SECONDS = 5.0


class EngineProcess:
    """The process of one engine. Start it from the main thread: its life is tied to the thread that forks it."""

    def __init__(
        self, name: str, log: Path, stop_signal: signal.Signals, user: pwd.struct_passwd | None = None
    ) -> None:
        """`log` takes what the engine prints; `stop_signal` asks for a clean end; `user` None keeps ours."""
        self.name = name
        self._log = log
        self._stop_signal = stop_signal
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._process.pid if self._process and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the engine runs."""
        return self._process is not None and self._process.poll() is None

    def launch(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start `command` in a session of its own, in the C locale and UTC. Raises EngineError."""
        if self.alive:
            raise EngineError(f"{self.name} already runs")
        keeper = sys.platform != "linux"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with open_log(self._log) as log:
            self._process = subprocess.Popen(
                launcher(command, self._stop_signal, self._user, keeper=keeper),
                cwd=cwd,
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "LC_ALL": "C",
                    "TZ": "UTC",
                    "HOME": str(cwd),
                    **(environment or {}),
                },
                stdin=subprocess.PIPE if keeper else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=pass_fds,
            )

    def wait_ready(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Block until `ready()` is true (an OSError counts as not yet). Raises EngineError with the log's end."""
        deadline, pause = time.monotonic() + timeout_seconds, 0.005
        while time.monotonic() < deadline:
            if not self.alive:
                code = self._process.returncode if self._process else None
                raise EngineError(
                    f"{self.name} ended with code {code} while starting; {self._log} ends:\n{self.tail()}"
                )
            try:
                if ready():
                    return
            except OSError:
                pass  # not listening yet: asked again until the deadline
            time.sleep(pause)
            pause = min(pause * 1.3, 0.05)
        self.kill()
        raise EngineError(f"{self.name} did not answer within {timeout_seconds:g} s; {self._log} ends:\n{self.tail()}")

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Ask for a clean end, then kill. Nothing happens when it does not run."""
        if self._process is None:
            return
        if self.alive:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                logger.warning("{} did not stop within {:g} s and is killed", self.name, timeout_seconds)
        self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would, and reap it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal to the running engine, for example SIGSTOP."""
        if self._process is not None and self.alive:
            self._process.send_signal(signal_number)

    def tail(self) -> str:
        """The end of the engine's log."""
        return self._log.read_bytes()[-TAIL_BYTES:].decode(errors="replace") if self._log.exists() else ""


def launcher(
    command: Sequence[str], life_signal: signal.Signals, user: pwd.struct_passwd | None, *, keeper: bool
) -> list[str]:
    """The command line that runs `command` as `user` and sends it `life_signal` when this process dies."""
    uid, gid = (user.pw_uid, user.pw_gid) if user else (-1, -1)
    ties = [str(os.getpid()), str(int(life_signal)), str(uid), str(gid), str(int(keeper))]
    return [sys.executable, "-I", "-S", str(LAUNCHER), *ties, "--", *command]


def open_log(path: Path) -> BinaryIO:
    """Open an engine's log for appending; a large one from earlier starts becomes `*.1`."""
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab")


def end_leftovers(directory: Path, stop_signal: signal.Signals) -> None:
    """End what still runs in `directory` after its supervisor was killed; returns once nothing does.

    Only the owner of the data directory may call this. A process is found by its working directory: a pid in a file
    may belong to somebody else by now, and a zombie has no directory. A server is asked to end its own children.
    """
    deadline = time.monotonic() + KILL_WAIT_SECONDS
    asked: set[int] = set()
    while leftovers := processes_in(directory):
        pids = {process.pid for process in leftovers}
        for process in leftovers:
            try:
                if time.monotonic() > deadline:
                    process.kill()
                elif process.pid not in asked and process.ppid() not in pids:
                    logger.info("ending {} ({}), left over from an earlier start", process.name(), process.pid)
                    process.send_signal(stop_signal)
                    process.resume()  # one that was stopped would never hear it
            except psutil.NoSuchProcess:
                pass  # it has ended, which is what we want
            asked.add(process.pid)
        time.sleep(0.02)


def processes_in(directory: Path) -> list[psutil.Process]:
    """The other live processes whose working directory is `directory`."""
    real, found = str(directory.resolve()), []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.cwd() == real:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, a zombie, or not ours to look at
    return found
