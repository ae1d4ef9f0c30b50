"""Process trees: one look at all processes of the machine, what descends from one of them, and ending that."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PASS_SECONDS = 0.003
_ZOMBIE = frozenset("ZX")


class Process(NamedTuple):
    """One process. `started` is the kernel's time of its birth, which tells it from another with the same pid.

    `cpu_seconds` include those of its children that it has waited for.
    """

    pid: int
    parent: int
    group: int
    name: str
    state: str
    threads: int
    started: int
    cpu_seconds: float
    resident_bytes: int

    @property
    def lives(self) -> bool:
        """Whether it can still do anything."""
        return self.state not in _ZOMBIE


class Snapshot:
    """All processes at one moment."""

    def __init__(self, processes: Iterable[Process]) -> None:
        self.processes = {process.pid: process for process in processes}
        self._children: dict[int, list[Process]] = defaultdict(list)
        for process in self.processes.values():
            self._children[process.parent].append(process)

    @classmethod
    def take(cls) -> Snapshot:
        """Look now. Processes that come or go meanwhile may be missing."""
        return cls(_from_proc() if sys.platform == "linux" else from_psutil())

    def tree(self, root: int) -> list[Process]:
        """`root` and its descendants, each after its parent; nothing when there is no such process."""
        found = {root: self.processes[root]} if root in self.processes else {}
        waiting = list(found.values())
        while waiting:
            # A look is not of one instant: a pid that was used again may make a circle.
            children = [child for child in self.children(waiting.pop(0).pid) if child.pid not in found]
            found |= {child.pid: child for child in children}
            waiting += children
        return list(found.values())

    def trees(self, roots: Iterable[int]) -> list[Process]:
        """The trees of several roots, each process once."""
        return list({process.pid: process for root in roots for process in self.tree(root)}.values())

    def children(self, parent: int) -> list[Process]:
        """The processes whose parent it is, zombies included."""
        return self._children.get(parent, [])


def send(processes: Iterable[Process], signal_number: signal.Signals) -> list[Process]:
    """Send a signal to those that live; answers whom it reached, which leaves out what is not ours to signal.

    A SIGKILL goes to process groups as well: the kernel lets no fork escape from a group that is killed.
    """
    targets = [process for process in processes if process.lives and process.pid != os.getpid()]
    if signal_number is signal.SIGKILL:
        leaders = {process.pid for process in targets}
        for group in {process.group for process in targets} & leaders:
            _attempt(os.killpg, group, signal_number)
    return [process for process in targets if _attempt(os.kill, process.pid, signal_number)]


def end(find: Callable[[Snapshot], list[Process]], seconds: float) -> int:
    """SIGKILL what `find` sees, again and again until it sees nothing that lives; how many were killed.

    Gives up after `seconds`: a process that waits for a broken disk cannot be killed.
    """
    ended: set[tuple[int, int]] = set()
    deadline = time.monotonic() + seconds
    while reached := send(find(Snapshot.take()), signal.SIGKILL):
        ended |= {(process.pid, process.started) for process in reached}
        if time.monotonic() > deadline:
            break
        time.sleep(PASS_SECONDS)
    return len(ended)


def end_descendants(seconds: float) -> list[Process]:
    """SIGKILL everything that this process started and that still lives, and reap it; the processes that were there."""
    if own_children() == set():
        return []
    own = os.getpid()
    first = [process for process in Snapshot.take().tree(own)[1:] if process.lives]
    if first:
        end(lambda snapshot: snapshot.tree(own)[1:], seconds)
        reap_children()
    return first


def reap_children() -> None:
    """Wait for every child that has ended, without blocking."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def own_children() -> set[int]:
    """The pids of this process's children, zombies included, whichever of its threads started them."""
    found: set[int] = set()
    try:
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 - after every job, and only the names
            found.update(map(int, read_file(f"/proc/self/task/{thread}/children").split()))
    except OSError:
        return {process.pid for process in Snapshot.take().children(os.getpid())}
    return found


def read_file(path: str) -> bytes:
    """The first 64 KB of a file of /proc, without the detours of an open file. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 65536)
    finally:
        os.close(descriptor)


def proportional_bytes(process: Process) -> int:
    """Its memory, with shared pages counted by its share; its resident memory where that cannot be read."""
    try:
        lines = read_file(f"/proc/{process.pid}/smaps_rollup").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(b"Pss:")) * 1024
    except (OSError, ValueError, StopIteration):
        return process.resident_bytes


def from_psutil() -> list[Process]:
    """All processes as psutil sees them: slower than /proc, and on every system."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                found.append(_of_psutil(process))
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or not ours to look at
    return found


def _of_psutil(process: Any) -> Process:
    times, status = process.cpu_times(), process.status()
    waited = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return Process(
        pid=process.pid,
        parent=process.ppid(),
        group=os.getpgid(process.pid),
        name=process.name(),
        state="Z" if status in ("zombie", "dead") else "R",
        threads=process.num_threads(),
        started=int(process.create_time() * 1000),
        cpu_seconds=times.user + times.system + waited,
        resident_bytes=process.memory_info().rss,
    )


def _from_proc() -> list[Process]:
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - four times a second, and only the names
        if name.isdigit():
            process = read_process(int(name))
            if process is not None:
                found.append(process)
    return found


def cpu_seconds_of(pid: int) -> float:
    """The CPU time that a process has spent so far, with children that it waited for; 0 when it is gone."""
    process = read_process(pid) if sys.platform == "linux" else Snapshot.take().processes.get(pid)
    return process.cpu_seconds if process else 0.0


def read_process(pid: int) -> Process | None:
    """One process from /proc; None when it is gone."""
    try:
        line = read_file(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name stands in parentheses and may hold any byte, a parenthesis included.
    start, last = line.index(b"("), line.rindex(b")")
    fields = line[last + 2 :].split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        group=int(fields[2]),
        name=line[start + 1 : last].decode(errors="replace"),
        state=fields[0].decode(),
        threads=int(fields[17]),
        started=int(fields[19]),
        cpu_seconds=sum(map(int, fields[11:15])) / TICKS_A_SECOND,
        resident_bytes=int(fields[21]) * PAGE_BYTES,
    )


def _attempt(kill: Callable[[int, int], None], target: int, signal_number: int) -> bool:
    """Whether the signal was sent: not to what is gone by now, or belongs to another user."""
    try:
        kill(target, signal_number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
