"""The run file: where the running system of one PREGAO_HOME can be reached."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

RUN_FILE = "run.json"
OWNER_LOCK = "owner.lock"


class RunFile(msgspec.Struct, frozen=True, kw_only=True):
    """What `pregao up` writes once its engines answer. URLs hold passwords: the file is its owner's alone."""

    pid: int
    started_at: str
    redis_url: str
    database_url: str
    api_url: str | None = None
    pids: dict[str, int] = {}

    def write(self, home: Path) -> None:
        """Replace `home/run.json` in one step, readable by its owner only. Raises OSError."""
        target = home / RUN_FILE
        draft = target.with_name(f"{RUN_FILE}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self)) + b"\n")
        draft.replace(target)

    @classmethod
    def read_live(cls, home: Path) -> RunFile | None:
        """The run file of a system that is up now; None when none is, or when its file cannot be read."""
        try:
            if not is_owned(home):
                return None
            return msgspec.json.decode((home / RUN_FILE).read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None


def is_owned(home: Path) -> bool:
    """Whether a `pregao up` runs in `home`, by its lock. Raises OSError.

    A pid in a file proves nothing: it may have been re-used.
    """
    try:
        file = (home / OWNER_LOCK).open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
