"""Where a fork is not safe or not to be had: children that load the directory themselves and run one job after another.

A child is used again while its jobs complete; after any that did not, or after so many, it ends and another takes its
place. One event loop serves all its jobs, since what a class keeps of asyncio belongs to the first loop that meets it.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import subprocess
from collections.abc import Callable

from pregao.isolation import runner
from pregao.isolation.framing import Unpacker, pack
from pregao.isolation.interpreter import python
from pregao.isolation.logging_capture import note_exception
from pregao.isolation.messages import Launch, Prepare
from pregao.isolation.preload import Preloaded
from pregao.isolation.stream import Stream
from pregao.isolation.tree import Snapshot

JOBS_A_CHILD = 50
REST_SECONDS = 1.0
_IDLE = b"."
_PIECE_BYTES = 65536


class _Child:
    """One warm child and our end of the stream on which it gets its jobs."""

    def __init__(self, prepare: Prepare) -> None:
        """Raises OSError."""
        self.socket, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                python("pregao.isolation.warm", theirs.fileno()),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.pid = process.pid
        process.returncode = 0  # the zygote waits for it
        self.idle = True
        self.socket.sendall(pack(prepare))


class WarmChildren:
    """The children of one zygote. `on_idle(pid)` is called when one has done its job and stays."""

    def __init__(self, prepare: Prepare, selector: selectors.BaseSelector, on_idle: Callable[[int], None]) -> None:
        self._prepare = prepare
        self._selector = selector
        self._on_idle = on_idle
        self._children: dict[int, _Child] = {}

    def hand_over(self, launch: Launch, stream: int, logs: int) -> tuple[int, float]:
        """Give a job to an idle child, or to a new one: its pid, and the CPU seconds it has spent. Raises OSError."""
        child = next((child for child in self._children.values() if child.idle), None) or self._start()
        socket.send_fds(child.socket, [pack(launch)], [stream, logs])
        child.idle = False
        process = Snapshot.take().processes.get(child.pid)
        return child.pid, process.cpu_seconds if process else 0.0

    def forget(self, pid: int) -> None:
        """A child has ended."""
        child = self._children.pop(pid, None)
        if child is not None:
            self._selector.unregister(child.socket)
            child.socket.close()

    def pids(self) -> set[int]:
        """The children that live."""
        return set(self._children)

    def end(self) -> None:
        """Close the streams: idle children end by themselves."""
        for pid in list(self._children):
            self.forget(pid)

    def _start(self) -> _Child:
        child = _Child(self._prepare)
        self._children[child.pid] = child

        def heard() -> None:
            if child.socket.recv(1) == _IDLE:
                child.idle = True
                self._on_idle(child.pid)
            else:
                self.forget(child.pid)

        self._selector.register(child.socket, selectors.EVENT_READ, heard)
        return child


def main(descriptor: int) -> None:
    """Be a warm child: load the directory, then run what comes, until the zygote is gone or it is time to go."""
    os.set_inheritable(descriptor, False)
    control = socket.socket(fileno=descriptor)
    runner.set_apart()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    unpacker: Unpacker[Prepare | Launch] = Unpacker(Prepare | Launch)
    descriptors: list[int] = []
    preloaded: Preloaded | None = None
    jobs = 0
    while True:
        piece, came, _, _ = socket.recv_fds(control, _PIECE_BYTES, 2)
        descriptors += came
        if not piece:
            return
        for message in unpacker.feed(piece):
            if isinstance(message, Prepare):
                preloaded = Preloaded(message.directory)
                preloaded.load(message.targets)
                continue
            assert preloaded is not None
            jobs += 1
            stream, logs = descriptors.pop(0), descriptors.pop(0)
            if not _run(message, stream, logs, preloaded, loop) or jobs >= JOBS_A_CHILD:
                os._exit(0)
            control.sendall(_IDLE)


def _run(launch: Launch, stream: int, logs: int, preloaded: Preloaded, loop: asyncio.AbstractEventLoop) -> bool:
    """One job; whether this process may run another."""
    try:
        runner.take_up(launch, logs)
        completed = runner.converse(Stream(stream), preloaded, loop)
        return completed and _at_rest(loop)
    except BaseException as error:  # noqa: BLE001 - it costs this process, no other
        note_exception(error)
        return False
    finally:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def _at_rest(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel what the scraper left in the event loop; whether it is empty then."""
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return True
    for task in tasks:
        task.cancel()
    _, pending = loop.run_until_complete(asyncio.wait(tasks, timeout=REST_SECONDS))
    return not pending
