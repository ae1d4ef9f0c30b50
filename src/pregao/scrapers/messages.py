"""The child's end of the talk with its parent: a request on standard input, JSON lines on a descriptor of their own.

Standard library only. What the users' code prints goes to standard output and error, and never between the lines.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PATIENCE_SECONDS = 0.2
ENDS_BADLY = 70


class Messages:
    """Sends JSON lines to the parent, from this process only: a fork that the users' code makes stays silent."""

    def __init__(self, parent: int, descriptor: int) -> None:
        self._parent = parent
        self._descriptor = descriptor
        self._pid = os.getpid()
        os.set_inheritable(descriptor, False)

    def send(self, **message: Any) -> None:
        """Send one message. Ends the process when it is a fork, or when nobody listens any more."""
        if os.getpid() != self._pid:
            os._exit(0)
        line = json.dumps(message, default=str).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            os._exit(ENDS_BADLY)

    def wait_for_the_end(self) -> NoReturn:
        """Stay until the parent ends this process: it finds what the users' code started below a process that lives."""
        while os.getppid() == self._parent:
            time.sleep(PATIENCE_SECONDS)
        os._exit(0)


def open_messages() -> tuple[dict[str, Any], Messages]:
    """The parent's request, and the way to answer. The first thing that a child does."""
    parent, descriptor = int(sys.argv[2]), int(sys.argv[3])
    _die_with(parent)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a blow would leave its memory in the users' directory
    request = json.load(sys.stdin)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return request, Messages(parent, descriptor)


def _die_with(parent: int) -> None:
    """Tie this process's life to its parent's, have it be the first to go when memory is short, and keep its orphans.

    Linux only; elsewhere nothing.
    """
    if sys.platform != "linux":
        return
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(ENDS_BADLY)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - a file of the kernel
            file.write("1000")
    except OSError:
        return  # a container may forbid it: then all processes are equal
