"""The process of an attempt: set apart from all others, then a conversation with the worker for each job."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
import socket
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from pregao.attempt.judgement import classify
from pregao.attempt.outcome import Failed
from pregao.isolation import kernel
from pregao.isolation.cgroups import Group
from pregao.isolation.children import IDLE
from pregao.isolation.framing import Unpacker
from pregao.isolation.logging_capture import note, note_exception
from pregao.isolation.marker import VARIABLE
from pregao.isolation.messages import TO_CHILD, Assignment, Hello, Launch, Prepare, Task, ToChild
from pregao.isolation.preload import Preloaded
from pregao.isolation.rehearsal import READY, rehearse
from pregao.isolation.scraping import Scraping
from pregao.isolation.stream import Stream, WorkerGone
from pregao.isolation.tree import end_descendants

NICENESS = 5
"""Below the worker, the engines and the API: a scraper that takes every core must not delay a lease."""
LEFT_OVER_SECONDS = 2.0
JOBS_A_CHILD = 50
"""Of a child that runs more than one: whatever a scraper leaks is gone after so many."""
_REST_SECONDS = 1.0
_PIECE_BYTES = 65536
_DESCRIPTORS = 2


def set_apart() -> None:
    """Make this process one that can be ended with all that it will start, and that hurts nobody while it runs."""
    with contextlib.suppress(PermissionError):  # it leads a session already
        os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN if number is signal.SIGPIPE else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kernel.adopt_orphans()
    kernel.offer_to_oom_killer()
    kernel.leave_no_core()
    os.nice(NICENESS)
    # What crashes, and what has to be ended, leaves in the log where it stood.
    faulthandler.enable(file=2)
    faulthandler.register(signal.SIGTERM, file=2, chain=True)


def take_up(launch: Launch, logs: int) -> None:
    """Print into `logs` from now on, under this attempt's mark and with its own place for temporary files."""
    os.dup2(logs, 1)
    os.dup2(logs, 2)
    os.close(logs)
    os.environ[VARIABLE] = launch.marker
    os.environ["TMPDIR"] = launch.scratch
    tempfile.tempdir = launch.scratch
    kernel.set_name(launch.name)
    if launch.limits.tasks is not None:
        kernel.bound_tasks(launch.limits.tasks)
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()  # or every fork would draw the same numbers


def main(descriptor: int) -> None:
    """Be a child that was started as a fresh interpreter: load what the zygote says, and run what it sends."""
    os.set_inheritable(descriptor, False)
    live(socket.socket(fileno=descriptor), None, jobs=JOBS_A_CHILD)


def live(control: socket.socket, preloaded: Preloaded | None, *, jobs: int) -> None:
    """Run what comes on `control`, at most so many jobs; returns when it is time to end.

    After a job that did not complete this process is used no more.
    """
    set_apart()
    kernel.set_name(READY)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    rehearse(partial(_run, loop))
    unpacker: Unpacker[ToChild] = Unpacker(TO_CHILD)
    descriptors: list[int] = []
    while jobs:
        try:
            piece, came, _, _ = socket.recv_fds(control, _PIECE_BYTES, _DESCRIPTORS)
        except OSError:
            return
        for descriptor in came:
            os.set_inheritable(descriptor, False)
        descriptors += came
        if not piece:
            return
        for message in unpacker.feed(piece):
            if isinstance(message, Prepare):
                preloaded = Preloaded(message.directory)
                preloaded.load(message.targets)
                continue
            assert preloaded is not None
            stream, logs = descriptors.pop(0), descriptors.pop(0)
            jobs -= 1
            if not _run(loop, message, stream, logs, preloaded):
                return
            if jobs:
                control.sendall(IDLE)


def _run(loop: asyncio.AbstractEventLoop, assignment: Assignment, stream: int, logs: int, preloaded: Preloaded) -> bool:
    """One job; whether it completed, and left nothing in the event loop."""
    if assignment.group is not None:
        Group(Path(assignment.group)).join()
    take_up(assignment.launch, logs)
    completed = converse(Stream(stream), preloaded, loop)
    return completed and _at_rest(loop)


def _at_rest(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel what the scraper left in the event loop; whether it is empty then."""
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return True
    for task in tasks:
        task.cancel()
    _, pending = loop.run_until_complete(asyncio.wait(tasks, timeout=_REST_SECONDS))
    return not pending


def converse(stream: Stream, preloaded: Preloaded, loop: asyncio.AbstractEventLoop) -> bool:
    """Say hello, do the task, leave nothing behind; whether the scraper completed.

    A forked copy of this process that finds its way back here is ended: only the original goes on.
    """
    own = os.getpid()
    try:
        stream.send(Hello(own))
        task = stream.receive()
        return isinstance(task, Task) and _perform(task, stream, preloaded, loop)
    except WorkerGone as error:
        note(f"the worker is gone: {error}")
        return False
    finally:
        if os.getpid() != own:
            os._exit(0)
        _flush()
        _end_what_is_left()
        stream.close()


def _perform(task: Task, stream: Stream, preloaded: Preloaded, loop: asyncio.AbstractEventLoop) -> bool:
    try:
        cls = preloaded.class_of(task.target)
        auto = task.initialize == "auto" and preloaded.needs_initialize(task.target)
        scraping = Scraping(task, cls, stream, needs_initialize=auto or task.initialize == "always")
        return loop.run_until_complete(scraping.run())
    except WorkerGone:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a module, or a task in the background, raises
        note_exception(error)
        stream.send(Failed(classify(error)))
        return False


def _flush() -> None:
    for output in (*logging.getLogger().handlers, sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a scraper may have closed or replaced it
            output.flush()


def _end_what_is_left() -> None:
    left = end_descendants(LEFT_OVER_SECONDS)
    if left:
        names = ", ".join(f"{name} ({count})" for name, count in Counter(process.name for process in left).items())
        note(f"{len(left)} processes were left running and are killed: {names}")
