"""What a job queue must be able to do to be measured. Runs in the peers' environments: standard library only."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

Handler = Callable[[int], Awaitable[None]]
"""What a job does with its one argument, a whole number."""

PREGAO, PROTOCOL = "pregao", "pregao_protocol"
OURS = (PREGAO, PROTOCOL)
PEERS = ("repid", "taskiq", "saq", "arq", "bullmq")


class Contestant(Protocol):
    """One job queue with one worker, both on the server given to `open`."""

    packages: tuple[str, ...]
    """Distributions whose versions are stated."""
    slots: int
    """Jobs at once with which it drains no-op jobs fastest."""
    settings: str
    """What was set otherwise than by default, in words for the table."""

    async def open(self, url: str, handler: Handler, slots: int) -> None:
        """Connect; `handler` is what the worker of this process will run, `slots` at once."""

    async def enqueue(self, arguments: Sequence[int]) -> None:
        """Accept many jobs, by the fastest way that the queue offers."""

    async def enqueue_one(self, argument: int) -> None:
        """Accept one job by the usual call."""

    async def work(self) -> None:
        """Run the worker for ever."""

    async def unsettled(self) -> int:
        """Jobs that were taken and whose end is not yet known to the server."""


def contestant(name: str) -> Contestant:
    """The adapter of that name, from `bench.contestants`."""
    made: Contestant = importlib.import_module(f"bench.contestants.{name}").CONTESTANT()
    return made


async def together(calls: Sequence[Callable[[], Awaitable[object]]], at_once: int) -> None:
    """Run calls with at most `at_once` under way: bulk enqueue for queues that have no call for it."""
    waiting = iter(calls)

    async def one_lane() -> None:
        for call in waiting:
            await call()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_lane())
