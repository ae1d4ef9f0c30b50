"""The zygote's children: processes that stand ready for a job, so that it does not wait for one to be made.

A forked child runs one job and ends; a few are forked ahead. Where a fork is not safe, or not to be had, a child is a
fresh interpreter that loads the directory itself and runs one job after another: it ends after any job that did not
complete, and after so many. One event loop serves all its jobs, since what a class keeps of asyncio belongs to the
first loop that meets it.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
from collections.abc import Callable

import msgspec

from pregao.isolation.framing import pack
from pregao.isolation.interpreter import python
from pregao.isolation.messages import Assignment

SPARE = 2
"""Forked children that stand ready: a worker claims several jobs at once."""
QUIET_SECONDS = 0.005
IDLE = b"."
"""What a child says when it has done its job and stays."""

Starter = Callable[[socket.socket, socket.socket], int]
"""Starts a process, given our end and its end of a stream; its pid. It must not keep ours open. Raises OSError."""


class Child:
    """One child, and our end of the stream on which it gets its jobs."""

    def __init__(self, start: Starter) -> None:
        """Raises OSError."""
        self.socket, theirs = socket.socketpair()
        try:
            with theirs:
                self.pid = start(self.socket, theirs)
        except BaseException:
            self.socket.close()
            raise
        self.idle = True

    def take(self, assignment: Assignment, stream: int, logs: int) -> None:
        """Give it a job with its descriptors. Raises OSError when it is gone."""
        self.idle = False
        socket.send_fds(self.socket, [pack(assignment)], [stream, logs])


class Children:
    """All children of one zygote. `on_idle(pid)` is called when one has done its job and stays."""

    def __init__(
        self,
        start: Starter,
        selector: selectors.BaseSelector,
        on_idle: Callable[[int], None],
        *,
        spare: int = 0,
        first_message: msgspec.Struct | None = None,
    ) -> None:
        """`spare` stand ready at any time; each new child gets `first_message`."""
        self._start_one = start
        self._selector = selector
        self._on_idle = on_idle
        self._spare = spare
        self._first_message = first_message
        self._children: dict[int, Child] = {}

    def hand_over(self, assignment: Assignment, stream: int, logs: int) -> int:
        """Give a job to a child that stands ready, or to a new one; its pid. Raises OSError when none can start."""
        for child in self._idle():
            try:
                child.take(assignment, stream, logs)
            except OSError:
                continue  # it died while it waited, and is about to be reaped
            return child.pid
        child = self.add()
        child.take(assignment, stream, logs)
        return child.pid

    def wait_before_spare(self) -> float | None:
        """Seconds of quiet after which one more should be made ahead; None when enough stand ready.

        Making one takes a core for some milliseconds, which a job that has just begun may need to end.
        """
        idle = len(self._idle())
        return None if idle >= self._spare else QUIET_SECONDS if idle else 0.0

    def add(self) -> Child:
        """Start one more. Raises OSError."""
        child = Child(self._start_one)
        self._children[child.pid] = child
        self._selector.register(child.socket, selectors.EVENT_READ, lambda: self._hear(child))
        if self._first_message is not None:
            child.socket.sendall(pack(self._first_message))
        return child

    def forget(self, pid: int) -> None:
        """A child has ended, or may: an idle one does when its stream closes."""
        child = self._children.pop(pid, None)
        if child is not None:
            self._stop_hearing(child)
            child.socket.close()

    def pids(self) -> set[int]:
        """The children that live."""
        return set(self._children)

    def dismiss(self) -> None:
        """Let those go that stand ready, and start none ahead any more."""
        self._spare = 0
        for child in self._idle():
            self.forget(child.pid)

    def close_in_child(self) -> None:
        """In a forked child: drop the zygote's ends of its siblings' streams."""
        for child in self._children.values():
            child.socket.close()

    def _idle(self) -> list[Child]:
        return [child for child in self._children.values() if child.idle]

    def _hear(self, child: Child) -> None:
        if child.pid not in self._children:
            return  # it was reaped in the same round of events
        try:
            word = child.socket.recv(1)
        except OSError:
            word = b""
        if word == IDLE:
            child.idle = True
            self._on_idle(child.pid)
        else:
            # It is about to end; until it is reaped it stays one of ours.
            child.idle = False
            self._stop_hearing(child)

    def _stop_hearing(self, child: Child) -> None:
        if child.socket in self._selector.get_map():
            self._selector.unregister(child.socket)


def spawn(_: socket.socket, theirs: socket.socket) -> int:
    """Start a fresh interpreter that listens on `theirs`; its pid. Raises OSError."""
    process = subprocess.Popen(
        python("pregao.isolation.runner", theirs.fileno()),
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )
    process.returncode = 0  # the zygote waits for all its children itself
    return process.pid
