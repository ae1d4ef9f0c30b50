"""Limits that the kernel enforces itself, where a cgroup of version 2 may be made below our own.

That is so in a service with `Delegate=yes`, and in a container that may write its own cgroup. Everywhere else usage is
sampled. A group takes memory.max and pids.max, and can be killed whole.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from pregao.isolation.messages import Limits
from pregao.isolation.meter import MB

ROOT = Path("/sys/fs/cgroup")
PREFIX = "pregao-"
_CONTROLLERS = ("memory", "pids")
_REMOVE_SECONDS = 1.0


class Group:
    """The cgroup of one attempt."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def join(self) -> None:
        """Put this process into the group; what it starts from now on is in it too. Raises OSError."""
        (self.path / "cgroup.procs").write_text("0")

    @property
    def memory_bytes(self) -> int:
        """The highest use of memory so far; the present one where the kernel keeps no peak (before Linux 5.19)."""
        return self._number("memory.peak") or self._number("memory.current")

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all that ran in it."""
        return self._entry("cpu.stat", "usage_usec") / 1e6

    @property
    def was_out_of_memory(self) -> bool:
        """Whether the kernel killed in it for memory."""
        return self._entry("memory.events", "oom_kill") > 0

    @property
    def refused_tasks(self) -> bool:
        """Whether a fork in it was refused for the limit."""
        return self._entry("pids.events", "max") > 0

    @property
    def tasks(self) -> int:
        """Processes and threads in it now."""
        return self._number("pids.current")

    def kill(self) -> None:
        """SIGKILL everything in it at once (Linux 5.14; before that the tree is killed as elsewhere)."""
        with contextlib.suppress(OSError):
            (self.path / "cgroup.kill").write_text("1")

    def remove(self) -> None:
        """Take it away once it is empty, which is a moment after its last process ended."""
        deadline = time.monotonic() + _REMOVE_SECONDS
        while self.path.exists():
            try:
                self.path.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.002)

    def _number(self, name: str) -> int:
        try:
            return int((self.path / name).read_text())
        except (OSError, ValueError):
            return 0

    def _entry(self, name: str, key: str) -> int:
        try:
            lines = (self.path / name).read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith(f"{key} ")), 0)


class Groups:
    """A cgroup that may be divided. `probe()` finds one, or None."""

    def __init__(self, base: Path) -> None:
        self.base = base

    @classmethod
    def probe(cls, root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> Groups | None:
        """Our own cgroup, or the one above it if that was delegated to us (systemd's `DelegateSubgroup`).

        Never one that was not given to us: attempts must stay within the limits of the service that runs them.
        """
        try:
            lines = own.read_text().splitlines()
        except OSError:
            return None
        path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
        if path is None or not (root / "cgroup.controllers").exists():
            return None
        here = root / path.lstrip("/")
        candidates = [here, *([here.parent] if here != root and _is_delegated(here.parent) else [])]
        return next((cls(base) for base in candidates if _can_divide(base)), None)

    def create(self, name: str, limits: Limits) -> Group:
        """A group with these limits. Raises OSError."""
        group = Group(self.base / f"{PREFIX}{name}")
        group.path.mkdir()
        try:
            if limits.memory_mb is not None:
                (group.path / "memory.max").write_text(str(limits.memory_mb * MB))
                (group.path / "memory.oom.group").write_text("1")
                with contextlib.suppress(OSError):  # a machine without swap accounting
                    (group.path / "memory.swap.max").write_text("0")
            if limits.tasks is not None:
                (group.path / "pids.max").write_text(str(limits.tasks))
        except OSError:
            group.remove()
            raise
        return group


def _is_delegated(group: Path) -> bool:
    try:
        return os.getxattr(group, "user.delegate") == b"1"
    except OSError:
        return False


def _can_divide(base: Path) -> bool:
    """Whether groups below `base` get our controllers. One that holds processes itself refuses to hand them down."""
    try:
        enabled = (base / "cgroup.subtree_control").read_text().split()
        if missing := [name for name in _CONTROLLERS if name not in enabled]:
            (base / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in missing))
        probe = base / f"{PREFIX}probe-{os.getpid()}"
        probe.mkdir()
        try:
            return (probe / "memory.max").exists() and (probe / "pids.max").exists()
        finally:
            probe.rmdir()
    except OSError:
        return False
