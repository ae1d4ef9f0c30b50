"""How full memory is, of the cgroup that limits this process or of the machine, and when that is too full to claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
from loguru import logger

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
GIB = 1 << 30


class MemoryUse(NamedTuple):
    """Bytes in use, of how many, and whose they are."""

    used_bytes: int
    limit_bytes: int
    whose: str

    @property
    def percent(self) -> float:
        """Of the limit."""
        return 100 * self.used_bytes / self.limit_bytes


MemoryReader = Callable[[], MemoryUse]
"""Reads the use of memory now. Raises OSError when it cannot be found out."""


def memory_use() -> MemoryUse:
    """The memory that this process may use: that of its fullest cgroup with a limit, else the machine's."""
    memory = psutil.virtual_memory()
    limited = cgroup_use(memory.total)
    return limited or MemoryUse(memory.total - memory.available, memory.total, "the machine's memory")


class _Version(NamedTuple):
    """Where one version of cgroups tells of memory: its mount below the root, and its files."""

    mount: str
    limit: str
    used: str
    cache: str


_V2 = _Version("", "memory.max", "memory.current", "inactive_file")
_V1 = _Version("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def cgroup_use(machine_bytes: int, root: Path = ROOT, own: Path = OWN) -> MemoryUse | None:
    """The fullest of the cgroups that this process is in and that have a limit below `machine_bytes`.

    The cache of files that nobody used lately does not count: the kernel drops it before it kills. None when none has
    such a limit. Docs: kernel.org, admin-guide/cgroup-v2, "Memory Interface Files", and admin-guide/cgroup-v1/memory.
    """
    found = [use for use in _uses(root, own) if use.limit_bytes < machine_bytes]
    return max(found, key=lambda use: use.percent, default=None)


def _uses(root: Path, own: Path) -> Iterator[MemoryUse]:
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number != "0" and "memory" not in controllers.split(","):
            continue
        version = _V2 if number == "0" else _V1
        for group in _groups(root / version.mount, path):
            use = _use_of(group, version)
            if use is not None:
                yield use


def _groups(root: Path, path: str) -> Iterator[Path]:
    """Our own cgroup and all above it. In a container the path may be the host's: then only the root is there."""
    here = root if ".." in path else root / path.lstrip("/")
    yield here
    while here != root:
        here = here.parent
        yield here


def _use_of(group: Path, version: _Version) -> MemoryUse | None:
    try:
        limit = (group / version.limit).read_text().strip()
        if not limit.isdecimal() or int(limit) == 0:
            return None
        used = int((group / version.used).read_text())
        for line in (group / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == version.cache:
                used = max(0, used - int(value))
        return MemoryUse(used, int(limit), "the memory of its cgroup")
    except (OSError, ValueError):
        return None


class MemoryMark:
    """Whether memory is too full for new jobs: from `high_percent` on, until it is below `low_percent` again.

    `high_percent` 0 is no mark. Memory whose use cannot be read holds nothing back.
    """

    def __init__(self, high_percent: float, low_percent: float, read: MemoryReader = memory_use) -> None:
        self._high_percent = high_percent
        self._low_percent = low_percent
        self._read = read
        self._unreadable = False
        self.percent: float | None = None
        self.reached = False
        self.count = 0
        """How often it was reached."""
        self.story = ""
        """Why no job is taken now; "" while jobs are taken."""

    def look(self) -> bool:
        """Read the memory; whether `reached` has changed. What changed is logged, and what stays as it is not."""
        use = self._use()
        self.percent = use and use.percent
        before = self.reached
        if use is None or not self._high_percent:
            self.reached = False
        else:
            self.reached = use.percent >= (self._low_percent if before else self._high_percent)
        self.story = self._told(use) if use and self.reached else ""
        if self.reached and not before:
            self.count += 1
            logger.warning("{}", self.story)
        elif before and not self.reached:
            logger.info("jobs are taken again: {}", f"memory is at {use.percent:.0f} %" if use else "no use is known")
        return self.reached is not before

    def _use(self) -> MemoryUse | None:
        try:
            use = self._read()
        except OSError as error:
            if not self._unreadable:
                logger.warning("the use of memory cannot be read, and holds no job back: {}", error)
            self._unreadable = True
            return None
        self._unreadable = False
        return use

    def _told(self, use: MemoryUse) -> str:
        return (
            f"no job is taken while memory is full: {use.whose} is at {use.percent:.0f} % of "
            f"{use.limit_bytes / GIB:.1f} GiB, and has to be below {self._low_percent:g} % (PREGAO_MEMORY_LOW_PERCENT)"
        )
