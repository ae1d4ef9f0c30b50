"""The zygote: loads a directory once, forks a runner for each job, watches it, and ends it with all that it started.

Started by a worker as a fresh interpreter. It has one thread and no event loop, adopts what its runners leave behind,
and outlives its worker: when the worker's stream closes, it kills every tree and ends.

Where its imports start threads, a fork would copy locks that nobody opens again. Then, and where there is no fork, it
loads nothing itself, and its children are fresh interpreters (`children`).
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from functools import partial
from typing import NoReturn

from pregao.isolation import kernel, runner
from pregao.isolation.cgroups import Group, Groups
from pregao.isolation.children import SPARE, Children, spawn
from pregao.isolation.framing import Unpacker, pack
from pregao.isolation.guard import Guard, Ward
from pregao.isolation.logging_capture import note, note_exception
from pregao.isolation.messages import TO_ZYGOTE, Assignment, FromZygote, Kill, Launch, Prepare, Ready, Refused, ToZygote
from pregao.isolation.meter import Meter
from pregao.isolation.preload import Preloaded
from pregao.isolation.tree import Snapshot, cpu_seconds_of, end_descendants, own_children

PIECE_BYTES = 65536
DESCRIPTORS_A_LAUNCH = 2
LAST_SECONDS = 5.0
CRASHED = 70
"""Exit code of a runner that could not even begin."""


class Zygote:
    """Serves one worker over `control`, a stream socket."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._unpacker: Unpacker[ToZygote] = Unpacker(TO_ZYGOTE)
        self._descriptors: deque[int] = deque()
        self._guard = Guard(self._send, self._strangers)
        self._groups = Groups.probe()
        if self._groups is not None:
            self._groups.sweep()
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = os.pipe()
        for descriptor in (self._wake_reader, self._wake_writer):
            os.set_blocking(descriptor, False)
        self._abandoned = False
        self._others: set[int] = set()

    def serve(self) -> None:
        """Work until the worker is gone and nothing that ran for it lives any more."""
        self._prepare()
        self._selector.register(self._control, selectors.EVENT_READ, self._on_control)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._on_child)
        while not (self._abandoned and not len(self._guard)):
            # What is made ahead is made when there is nothing else to do.
            quiet = self._children.wait_before_spare()
            events = self._selector.select(self._guard.next_tick_seconds() if quiet is None else quiet)
            for key, _ in events:
                key.data()
            self._guard.tick()
            if not events and quiet is not None:
                self._add_spare()
        end_descendants(LAST_SECONDS)

    # --- the worker's wishes -------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        first = self._receive_prepare()
        self._forks = first.mode != "warm"
        if first.mode == "warm":
            self._children = Children(spawn, self._selector, self._on_idle, first_message=first)
            ready = Ready(1, {}, changed=False, problems=[])
        else:
            preloaded = self._enter(first.directory)
            ready = preloaded.load(first.targets if first.mode == "preloaded" else [])
            fork = partial(self._fork, preloaded)
            self._children = Children(fork, self._selector, self._on_idle, spare=SPARE if ready.threads == 1 else 0)
        # After the imports, which may have set handlers of their own, or started a process that is none of ours.
        self._others = own_children()
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self._send(ready)

    def _enter(self, directory: str) -> Preloaded:
        try:
            return Preloaded(directory)
        except OSError as error:
            note(f"it cannot be entered: {error}")
            sys.exit(CRASHED)

    def _receive_prepare(self) -> Prepare:
        while True:
            piece = self._control.recv(PIECE_BYTES)
            if not piece:
                sys.exit(0)
            for message in self._unpacker.feed(piece):
                if isinstance(message, Prepare):
                    return message

    def _on_control(self) -> None:
        try:
            piece, descriptors, _, _ = socket.recv_fds(self._control, PIECE_BYTES, 64)
        except OSError:
            piece, descriptors = b"", []
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        self._descriptors.extend(descriptors)
        if not piece:
            self._abandon()
            return
        for message in self._unpacker.feed(piece):
            match message:
                case Launch():
                    self._launch(message)
                case Kill(id=launch_id):
                    self._guard.kill(launch_id, "asked")

    def _abandon(self) -> None:
        if self._abandoned:
            return
        self._abandoned = True
        self._selector.unregister(self._control)
        self._children.dismiss()
        self._guard.kill_all("abandoned")

    def _launch(self, launch: Launch) -> None:
        stream, logs = (self._descriptors.popleft() for _ in range(DESCRIPTORS_A_LAUNCH))
        group = self._group(launch)
        try:
            pid = self._children.hand_over(Assignment(launch, str(group.path) if group else None), stream, logs)
        except OSError as error:
            if group is not None:
                group.remove()
            self._send(Refused(launch.id, str(error)))
        else:
            meter = Meter(launch.limits, cpu_before=0.0 if self._forks else cpu_seconds_of(pid))
            deadline = time.monotonic() + launch.deadline_seconds
            self._guard.watch(Ward(launch.id, pid, meter, deadline=deadline, group=group))
        finally:
            os.close(stream)
            os.close(logs)

    def _group(self, launch: Launch) -> Group | None:
        if self._groups is None or not self._forks:
            return None
        try:
            return self._groups.create(launch.id, launch.limits)
        except OSError as error:
            note(f"no cgroup for this job, its use is sampled: {error}")
            return None

    # --- children ------------------------------------------------------------------------------------------------

    def _add_spare(self) -> None:
        try:
            self._children.add()
        except OSError as error:
            # A job that finds none starts its own, and learns why that fails.
            note(f"no process can be made ahead: {error}")
            self._children.dismiss()

    def _fork(self, preloaded: Preloaded, ours: socket.socket, theirs: socket.socket) -> int:
        """A child that is a copy of this process, which must have one thread. Raises OSError."""
        pid = os.fork()
        if pid == 0:
            # With any of the zygote's ends open it would not hear that the zygote is gone.
            ours.close()
            self._be_child(preloaded, theirs)
        return pid

    def _be_child(self, preloaded: Preloaded, theirs: socket.socket) -> NoReturn:
        code = CRASHED
        try:
            signal.set_wakeup_fd(-1)
            self._selector.close()
            self._control.close()
            self._children.close_in_child()
            for descriptor in (self._wake_reader, self._wake_writer, *self._descriptors):
                os.close(descriptor)
            runner.live(theirs, preloaded, jobs=1)
            code = 0
        except BaseException as error:  # noqa: BLE001 - there is nobody above to raise it to
            note_exception(error)
        finally:
            os._exit(code)

    def _on_idle(self, pid: int) -> None:
        """A child has done its job and waits for the next."""
        ward = self._guard.ward_of(pid)
        if ward is not None:
            self._guard.forget(ward)
            self._send(ward.ended())

    def _on_child(self) -> None:
        """Reap whoever ended; a runner's end is acted upon when all that ended with it are reaped as well."""
        _drain(self._wake_reader)
        ended: list[tuple[Ward, int]] = []
        while (found := _wait_for_any()) is not None:
            pid, status, peak_kilobytes, cpu_seconds = found
            self._others.discard(pid)
            self._children.forget(pid)
            ward = self._guard.ward_of(pid)
            if ward is not None:
                ward.meter.note(peak_bytes=peak_kilobytes * 1024, cpu_seconds=cpu_seconds)
                ended.append((ward, status))
        for ward, status in ended:
            code = os.waitstatus_to_exitcode(status)
            self._guard.exited(ward, code if code >= 0 else None, -code if code < 0 else None)

    def _strangers(self, snapshot: Snapshot | None) -> set[int]:
        """Our children that nobody here has started: they came to us when their runner died."""
        children = own_children() if snapshot is None else {p.pid for p in snapshot.children(os.getpid())}
        return children - self._others - self._children.pids() - {ward.pid for ward in self._guard.wards()}

    def _send(self, message: FromZygote) -> None:
        if not self._abandoned:
            try:
                self._control.sendall(pack(message))
            except OSError:
                self._abandon()


def _wait_for_any() -> tuple[int, int, int, float] | None:
    """One child that has ended: pid, status, peak memory in KB, CPU seconds with its own waited-for children."""
    try:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status, usage.ru_maxrss, usage.ru_utime + usage.ru_stime) if pid else None


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, PIECE_BYTES):
            pass
    except BlockingIOError:
        return


def main(descriptor: int) -> None:
    """Serve the worker at the other end of `descriptor`."""
    os.set_inheritable(descriptor, False)
    kernel.set_name("pregao-zygote")
    kernel.adopt_orphans()
    Zygote(socket.socket(fileno=descriptor)).serve()
    os._exit(0)  # past whatever the scrapers' modules would do at exit
