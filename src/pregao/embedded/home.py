"""The directory that holds everything: one owner at a time, and short paths for its sockets."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import stat
import tempfile
import time
from pathlib import Path
from types import TracebackType

from pregao.domain.errors import EngineError
from pregao.settings.run_file import OWNER_LOCK, RUN_FILE

SOCKET_DIR_LIMIT = 80
"""Bytes that leave room for `/pg/.s.PGSQL.65535` in a socket address, 104 bytes on the tightest system."""

OWNER_WAIT_SECONDS = 2.0
PORTS_TRIED = 20


class Home:
    """An owned PREGAO_HOME. Holding it means that no other supervisor works on the same data.

    Use it as a context manager. Raises EngineError when another process owns the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._elsewhere: Path | None = None

    def __enter__(self) -> Home:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self.path / OWNER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + OWNER_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A reader of the run file holds the lock for an instant: try again before giving up.
                if time.monotonic() > deadline:
                    owner = os.pread(self._lock, 20, 0).decode().strip()
                    os.close(self._lock)
                    raise EngineError(
                        f"{self.path} is in use by process {owner}: stop that `pregao up`, "
                        "or set PREGAO_HOME to another directory"
                    ) from None
                time.sleep(0.05)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self.path / RUN_FILE).unlink(missing_ok=True)
        if self._elsewhere is not None:
            shutil.rmtree(self._elsewhere, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def logs(self) -> Path:
        """Where the engines' logs are."""
        return self.path / "logs"

    def sockets(self) -> Path:
        """A private directory for sockets. Raises EngineError when it belongs to somebody else."""
        directory = socket_directory(self.path)
        if not directory.is_relative_to(self.path):
            self._elsewhere = directory
        return directory


def socket_directory(home: Path) -> Path:
    """`home/run`, or a short directory elsewhere when that path is too long for a socket. Raises EngineError."""
    inside = home / "run"
    if len(os.fsencode(inside)) > SOCKET_DIR_LIMIT:
        return short_directory(home)
    inside.mkdir(mode=0o700, parents=True, exist_ok=True)
    return inside


def short_directory(path: Path) -> Path:
    """A short-named directory of ours for `path`. Raises EngineError when it is not ours alone, or not short either."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    short = base / f"pregao-{os.geteuid()}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:10]}"
    if len(os.fsencode(short)) > SOCKET_DIR_LIMIT:
        raise EngineError(f"neither {path} nor {base} is short enough for a socket: set PREGAO_HOME to a shorter path")
    short.mkdir(mode=0o700, exist_ok=True)
    facts = short.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise EngineError(f"{short} is not a private directory of this user: remove it")
    return short


def free_port(preferred: int) -> int:
    """`preferred` on 127.0.0.1 when it is free, else one of the next, else any. 0 asks for any."""
    for port in [*range(preferred, preferred + PORTS_TRIED), 0] if preferred else [0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EngineError("no port on 127.0.0.1 is free")
