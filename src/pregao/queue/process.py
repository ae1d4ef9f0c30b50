"""A process of this machine, named so that no other one is ever taken for it.

A host name and a pid are not enough: containers share host names and count their pids alone, and pids are used again.
On Linux the name is the boot (`/proc/sys/kernel/random/boot_id`), the pid namespace (namespaces(7)), the pid, and the
time of its start in clock ticks since the boot (proc(5), field 22 of `/proc/PID/stat`).
"""

from __future__ import annotations

import os
import select
import socket
import sys
from pathlib import Path
from typing import Protocol

import psutil

PREDECESSOR = "PREGAO_PREDECESSOR"
"""The variable by which a supervisor tells a process which one it replaces, as `pid/start`: that one has ended."""

_START_FIELD_AFTER_NAME = 19
_HUNDREDTHS = 100


def place() -> str:
    """Where pids mean the same as here: the boot and the pid namespace; '' when that cannot be found out."""
    try:
        if sys.platform == "linux":
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            return f"{boot}.{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
    return f"{sys.platform}.{socket.gethostname()}"


def own_process() -> str:
    """`place/pid/start` of this process, as a heartbeat carries it; '' when one of them cannot be found out."""
    here, pid_and_start = place(), name_of(os.getpid())
    return f"{here}/{pid_and_start}" if here and pid_and_start else ""


def name_of(pid: int) -> str:
    """`pid/start` of a process of this place; '' when it has ended or cannot be seen."""
    started = _started(pid)
    return "" if started is None else f"{pid}/{started}"


def predecessor() -> str:
    """`pid/start` of the process that this one replaces, which its supervisor has seen end; '' when there is none."""
    return os.environ.get(PREDECESSOR, "")


class Sight(Protocol):
    """A process that was seen alive under its full name."""

    def ended(self) -> bool:
        """Whether it has certainly ended since. One that is stopped (SIGSTOP) has not."""

    def close(self) -> None:
        """Look no more."""


def sight(pid_and_start: str) -> Sight | None:
    """Look at the process of this place that is called `pid/start`; None when it is not to be seen.

    Not to be seen may mean that it lives all the same: behind another /proc, or in a copy of this virtual machine.
    """
    pid, _, started = pid_and_start.partition("/")
    if not (pid.isdecimal() and started.isdecimal()):
        return None
    return (_by_pidfd if sys.platform == "linux" else _by_psutil)(int(pid), int(started))


class _Pidfd:
    """The kernel's own reference: readable once every thread of the process has ended, and never another process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def ended(self) -> bool:
        return bool(self._poll.poll(0))

    def close(self) -> None:
        os.close(self._descriptor)


class _Psutil:
    """Where there are no pidfds. psutil compares the time of the start too."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process

    def ended(self) -> bool:
        try:
            return not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False

    def close(self) -> None:
        pass


class Reaped:
    """A process whose parent has seen it end."""

    def ended(self) -> bool:
        """It has."""
        return True

    def close(self) -> None:
        """Nothing is held."""


def _by_pidfd(pid: int, started: int) -> Sight | None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:  # no such process, or a kernel or container without pidfds
        return None
    # In this order: while the process of this name lives, its pid can be nobody else's.
    if _started(pid) == started:
        return _Pidfd(descriptor)
    os.close(descriptor)
    return None


def _by_psutil(pid: int, started: int) -> Sight | None:
    if _started_by_psutil(pid) != started:
        return None
    return _Psutil(psutil.Process(pid))


def _started(pid: int) -> int | None:
    """Something that tells two processes with the same pid apart; None when it cannot be found out."""
    if sys.platform != "linux":
        return _started_by_psutil(pid)
    try:
        # The name, in parentheses, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[_START_FIELD_AFTER_NAME])


def _started_by_psutil(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).create_time() * _HUNDREDTHS)
    except psutil.Error:
        return None
