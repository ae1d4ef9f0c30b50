"""Runs one contestant in its own process and environment, and prints one line of JSON.

    python -m bench.driver CONTESTANT ACTION REDIS_URL JOBS [SLOTS]

Standard library and the contestant's own packages only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version

import uvloop

from bench.contestant import OURS, Contestant, contestant

SETTLE_POLL_SECONDS = 0.002
NAP_SECONDS = 0.05
GAP_SECONDS = (0.01, 0.02)
"""Between two jobs of the pick-up scenario: the worker is idle again each time."""
WARM_UP = 20

Figures = dict[str, object]


async def no_job(_argument: int) -> None:
    """For a process that only enqueues."""


class Drained:
    """Counts jobs, and knows when the first began and the last one ended."""

    def __init__(self, jobs: int, nap_seconds: float = 0.0) -> None:
        self._jobs = jobs
        self._nap_seconds = nap_seconds
        self.ran = 0
        self.began = self.began_cpu = 0.0
        self.all_ran = asyncio.Event()

    async def __call__(self, _argument: int) -> None:
        """The measured job."""
        if not self.ran:
            self.began, self.began_cpu = time.perf_counter(), time.process_time()
        self.ran += 1
        if self._nap_seconds:
            await asyncio.sleep(self._nap_seconds)
        if self.ran >= self._jobs:
            self.all_ran.set()


async def drain(who: Contestant, url: str, jobs: int, slots: int, *, nap_seconds: float = 0.0) -> Figures:
    """Jobs that were enqueued before, from the start of the first to the settlement of the last."""
    job = Drained(jobs, nap_seconds)
    await who.open(url, job, slots)
    await who.enqueue(range(jobs))
    return await _drained(who, job)


async def drain_waiting(who: Contestant, url: str, jobs: int, slots: int) -> Figures:
    """The same for jobs that somebody else has enqueued."""
    job = Drained(jobs)
    await who.open(url, job, slots)
    return await _drained(who, job)


async def run_waiting(who: Contestant, url: str, jobs: int, slots: int) -> Figures:
    """The first `jobs` of more that wait, up to the start of the last: behind it others run already."""
    job = Drained(jobs)
    await who.open(url, job, slots)
    return await _drained(who, job, settled=False)


async def _drained(who: Contestant, job: Drained, *, settled: bool = True) -> Figures:
    async with asyncio.TaskGroup() as group:
        group.create_task(who.work())
        await job.all_ran.wait()
        while settled and await who.unsettled():  # noqa: ASYNC110 - no queue tells when it is empty
            await asyncio.sleep(SETTLE_POLL_SECONDS)
        ended = time.perf_counter()
        finish({"seconds": ended - job.began, "began": job.began, "cpu_seconds": time.process_time() - job.began_cpu})
    raise AssertionError("a worker never returns")


async def enqueue(who: Contestant, url: str, jobs: int, _slots: int) -> Figures:
    """Many jobs by the bulk call."""
    await who.open(url, no_job, 1)
    await who.enqueue(range(WARM_UP))
    began = time.perf_counter()
    await who.enqueue(range(jobs))
    return {"seconds": time.perf_counter() - began}


async def enqueue_one_by_one(who: Contestant, url: str, jobs: int, _slots: int) -> Figures:
    """The usual call, each awaited before the next."""
    await who.open(url, no_job, 1)
    for argument in range(WARM_UP):
        await who.enqueue_one(argument)
    began = time.perf_counter()
    for argument in range(jobs):
        await who.enqueue_one(argument)
    return {"seconds": time.perf_counter() - began}


async def pick_up(who: Contestant, url: str, jobs: int, slots: int) -> Figures:
    """An idle worker: milliseconds from the call that enqueues a job, in another process, to its first line."""
    latencies: list[float] = []
    all_ran = asyncio.Event()

    async def job(sent_ns: int) -> None:
        latencies.append((time.monotonic_ns() - sent_ns) / 1e6)
        if len(latencies) == jobs + WARM_UP:
            all_ran.set()

    await who.open(url, job, slots)
    async with asyncio.TaskGroup() as group:
        group.create_task(who.work())
        await asyncio.sleep(1.0)
        say({"ready": True})
        await all_ran.wait()
        finish({"milliseconds": latencies[WARM_UP:]})
    raise AssertionError("a worker never returns")


async def send(who: Contestant, url: str, jobs: int, _slots: int) -> Figures:
    """The other side of `pick_up`: one job at a time, with pauses."""
    await who.open(url, no_job, 1)
    shortest, longest = GAP_SECONDS
    for _ in range(jobs + WARM_UP):
        await who.enqueue_one(time.monotonic_ns())
        await asyncio.sleep(random.uniform(shortest, longest))
    return {}


async def work(who: Contestant, url: str, _jobs: int, slots: int) -> Figures:
    """A worker that runs until it is ended."""
    await who.open(url, no_job, slots)
    say({"ready": True})
    await who.work()
    raise AssertionError("a worker never returns")


async def nap(who: Contestant, url: str, jobs: int, slots: int) -> Figures:
    """Jobs of 50 ms."""
    return await drain(who, url, jobs, slots, nap_seconds=NAP_SECONDS)


async def describe(who: Contestant, _url: str, _jobs: int, _slots: int) -> Figures:
    """Versions and settings."""
    return {
        "versions": {name: version(name) for name in who.packages},
        "python": sys.version.split()[0],
        "settings": f"{who.slots} slots, {who.settings}",
    }


Action = Callable[[Contestant, str, int, int], Awaitable[Figures]]
ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (drain, drain_waiting, run_waiting, nap, enqueue, enqueue_one_by_one, pick_up, send, work, describe)
}


def say(figures: Figures) -> None:
    """One line of JSON for the process that started this one."""
    print(json.dumps(figures), flush=True)


def finish(figures: Figures) -> None:
    """Say the last figures and end at once: how long a peer takes to stop is not measured."""
    say(figures)
    os._exit(0)


def main(arguments: Sequence[str]) -> None:
    """Run one action of one contestant."""
    name, action, url, jobs, slots = arguments
    logging.disable(logging.WARNING)
    who = contestant(name)
    if name in OURS:
        from loguru import logger

        logger.remove()
        logger.add(sys.stderr, level="WARNING")
    uvloop.install()
    finish(asyncio.run(ACTIONS[action](who, url, int(jobs), int(slots) or who.slots)))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
