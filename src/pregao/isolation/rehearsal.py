"""A job of our own in a process that stands ready: what it touches is copied before anybody waits for it.

A forked process shares its memory with the zygote and gets its own copy of each page at the first touch, some
microseconds at a time: most of what an empty job takes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import tempfile
from collections.abc import Callable
from types import SimpleNamespace

from pregao.isolation.framing import Unpacker, pack
from pregao.isolation.kernel import tasks_of_machine
from pregao.isolation.marker import VARIABLE
from pregao.isolation.messages import FROM_RUNNER, TO_CHILD, Assignment, Launch, Limits, Target, Task, ToChild
from pregao.isolation.preload import Preloaded

READY = "pregao-ready"
_TARGET = Target("", "", "Nothing")


class Nothing:
    """A scraper that scrapes nothing."""

    name = "nothing"

    async def initialize(self) -> None:
        """Nothing to get ready."""

    async def scrape(self, ticker: str | None) -> SimpleNamespace:
        """A small result, as an object with attributes."""
        await asyncio.sleep(0)
        return SimpleNamespace(success=True, data={"ticker": ticker, "price": 1.5}, error=None, source="nothing")

    async def cleanup(self) -> None:
        """Nothing to give back."""


class _Stage(Preloaded):
    """A directory with that scraper alone; it needs no place."""

    def __init__(self) -> None:
        self._classes = {_TARGET: Nothing}
        self._needs = {_TARGET: True}


def rehearse(run: Callable[[Assignment, int, int, Preloaded], object]) -> None:
    """Have `run(assignment, stream, logs, preloaded)` do a job that does nothing, as it will do the real one."""
    marker, scratch = os.environ.get(VARIABLE, ""), tempfile.gettempdir()
    launch = Launch(0, READY, marker, scratch, Limits(), deadline_seconds=1.0)
    unpacker: Unpacker[ToChild] = Unpacker(TO_CHILD)
    ours, theirs = socket.socketpair()
    ours.sendall(pack(Task(_TARGET, "", timeout_seconds=1.0, cleanup_seconds=1.0, initialize="auto")))
    for message in unpacker.feed(pack(Assignment(launch, None))):
        if isinstance(message, Assignment):
            run(message, theirs.detach(), os.dup(2), _Stage())
    with ours:
        Unpacker(FROM_RUNNER).feed(ours.recv(65536))
    tasks_of_machine()
    record = logging.LogRecord("pregao", logging.INFO, __file__, 1, "%s is ready", ("nothing",), None)
    for handler in logging.getLogger().handlers:
        handler.format(record)
