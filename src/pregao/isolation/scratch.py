"""Places for temporary files, one for each attempt: a browser that is killed leaves its profile behind."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path

from loguru import logger

from pregao.isolation.marker import Marker
from pregao.isolation.tree import Snapshot

_PREFIX = "pregao-"


class Scratch:
    """The temporary directory of one worker. Its name says whose it is, and is short: browsers put sockets there."""

    def __init__(self, marker: Marker) -> None:
        """Raises OSError."""
        self._base = Path(tempfile.gettempdir()) / (_PREFIX + marker.owner.replace("/", "-"))
        self._base.mkdir(mode=0o700)
        self._numbers = itertools.count(1)
        self._free: list[str] = []

    def take(self) -> str:
        """An empty directory for one attempt. Raises OSError."""
        if self._free:
            return self._free.pop()
        path = self._base / str(next(self._numbers))
        path.mkdir()
        return str(path)

    def give_back(self, path: str) -> bool:
        """An attempt has ended: whether it left nothing there. What it left is to be removed by `remove`."""
        try:
            with os.scandir(path) as entries:
                empty = next(entries, None) is None
        except OSError:
            return False
        if empty:
            self._free.append(path)
        return empty

    def close(self) -> None:
        """Remove everything."""
        remove(self._base)


def remove(path: Path) -> None:
    """Remove a directory with all that is in it; what resists is logged."""

    def complain(_: object, at: str, error: object) -> None:
        logger.warning("{} cannot be removed: {}", at, error)

    if path.exists():
        shutil.rmtree(path, onerror=complain)


def sweep_scratch(snapshot: Snapshot) -> int:
    """Remove the directories of workers that are gone; how many."""
    removed = 0
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*-*-*"):
        marker = Marker.read(path.name.removeprefix(_PREFIX).replace("-", "/", 3) + "/")
        if marker is not None and _is_ours(path) and marker.worker_is_gone(snapshot):
            remove(path)
            removed += 1
    return removed


def _is_ours(path: Path) -> bool:
    try:
        return path.is_dir() and not path.is_symlink() and path.stat().st_uid == os.getuid()
    except OSError:
        return False
