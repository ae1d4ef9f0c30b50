"""What only the kernel can do for a process, and Python does not offer: Linux's prctl and /proc switches.

Each does nothing on other systems; what isolation loses there is in docs/isolation.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys

from pregao.isolation.tree import read_file

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)

_FIRST_TO_DIE = b"1000"


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that no daemon gets away.

    Raises OSError.
    """
    if _LINUX and _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def set_name(name: str) -> None:
    """What `ps` and `top` show for this process; 15 bytes of it are kept."""
    if _LINUX:
        _libc.prctl(_PR_SET_NAME, name.encode(errors="replace")[:15], 0, 0, 0)


def offer_to_oom_killer() -> None:
    """Have the kernel, when memory runs out, choose this process and its children before any other."""
    if _LINUX:
        with contextlib.suppress(OSError):  # not every container allows it
            descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, _FIRST_TO_DIE)
            finally:
                os.close(descriptor)


def leave_no_core() -> None:
    """A crash writes no core file."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def bound_tasks(limit: int) -> None:
    """Let this process and its descendants start about `limit` tasks more than the machine has now.

    The kernel counts all tasks of the user and exempts root: a backstop, no limit of one job.
    """
    running = tasks_of_machine()
    if running is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    bound = running + limit
    if hard == resource.RLIM_INFINITY or bound < hard:
        resource.setrlimit(resource.RLIMIT_NPROC, (bound, hard))


def tasks_of_machine() -> int | None:
    """Processes and threads on this machine, from /proc/loadavg; None where that is not to be had."""
    try:
        fields = read_file("/proc/loadavg").split()
        return int(fields[3].partition(b"/")[2])
    except (OSError, ValueError, IndexError):
        return None


def oom_kills() -> int:
    """How often the kernel has killed for memory since the machine started; 0 where it does not say."""
    try:
        for line in read_file("/proc/vmstat").splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        return 0
    return 0


def own_threads() -> int:
    """Threads of this process, started by Python or not; 1 where that is not to be had."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return 1
