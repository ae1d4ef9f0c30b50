"""A job of our own in a process that stands ready: what it touches is copied before anybody waits for it.

A forked process shares its memory with the zygote and gets its own copy of each page at the first touch, a microsecond
or more at a time: half of what an empty job takes.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from types import SimpleNamespace

from pregao.isolation.framing import Unpacker, pack
from pregao.isolation.messages import FROM_RUNNER, Target, Task
from pregao.isolation.scraping import Scraping
from pregao.isolation.stream import Stream


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


def rehearse(loop: asyncio.AbstractEventLoop) -> None:
    """Run one job that does nothing, and print nothing."""
    task = Task(Target("", "", "Nothing"), "", timeout_seconds=1.0, cleanup_seconds=1.0, initialize="never")
    ours, theirs = socket.socketpair()
    stream = Stream(theirs.detach())
    ours.sendall(pack(task))
    told = stream.receive()
    if isinstance(told, Task):
        loop.run_until_complete(Scraping(told, Nothing, stream, needs_initialize=True).run())
    stream.close()
    with ours:
        Unpacker(FROM_RUNNER).feed(ours.recv(65536))
    record = logging.LogRecord("pregao", logging.INFO, __file__, 1, "%s is ready", ("nothing",), None)
    for handler in logging.getLogger().handlers:
        handler.format(record)
