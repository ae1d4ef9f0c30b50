"""Running one scraper once without a queue: here if workers run it in their event loop, else apart as they do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
from loguru import logger

from pregao.attempt.outcome import Completed, Failed, Killed, Outcome, Stopped, StopReason
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.failure import FailureClass, failure
from pregao.isolation.host import Isolation
from pregao.isolation.messages import Target
from pregao.isolation.terms import Terms
from pregao.scrapers.base import NotConfigured, Scraper
from pregao.scrapers.entry import Entry
from pregao.scrapers.http import shared_clients
from pregao.worker.inloop import InLoop
from pregao.worker.isolated import target_of

TOKEN = "by-hand"
"""Where a job has the token of its lease, which its processes carry in their environment."""
LOGS_LIMIT = 64 * 1024


class Run(msgspec.Struct, frozen=True):
    """How one run ended. `seconds` is all of it, start of the process included; `logs` is what it said, up to 64 KB."""

    outcome: Completed | Failed
    seconds: float
    logs: str


async def run_once(
    entry: Entry,
    argument: str | None,
    timeout_seconds: float,
    environment: Mapping[str, str],
    clock: Clock | None = None,
) -> Run:
    """Run one scraper with one argument; what it raises is the outcome's. `environment` is all that one apart gets.

    Nothing that one apart has started is left afterwards, also when the caller is cancelled.
    """
    clock = clock or SystemClock()
    started = clock.monotonic()
    if entry.executor == "in_loop":
        outcome, logs = await _here(entry, argument, timeout_seconds, clock)
    else:
        outcome, logs = await _apart(entry, argument, timeout_seconds, environment)
    return Run(outcome, clock.monotonic() - started, logs)


async def _here(
    entry: Entry, argument: str | None, timeout_seconds: float, clock: Clock
) -> tuple[Completed | Failed, str]:
    never: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
    given_up: list[Outcome] = []

    def create() -> Scraper:
        if entry.missing:
            raise NotConfigured(*entry.missing)
        return entry.make()

    with _logged() as lines:
        async with shared_clients():
            # Of one that ignores its cancellation only the end of this process can rid us: it is waited for.
            ended = await InLoop(clock).run(
                create, argument, timeout_seconds=timeout_seconds, stop=never, on_abandoned=given_up.append
            )
    outcome = ended or given_up.pop()
    assert isinstance(outcome, Completed | Failed)  # nobody stops it, and it is here
    return outcome, "".join(lines)[-LOGS_LIMIT:]


@contextmanager
def _logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, level="DEBUG", format="{level} {message}", backtrace=False, diagnose=False)
    try:
        yield lines
    finally:
        logger.remove(sink)


async def _apart(
    entry: Entry, argument: str | None, timeout_seconds: float, environment: Mapping[str, str]
) -> tuple[Completed | Failed, str]:
    never: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
    target = target_of(entry)
    async with Isolation(environment, _loaded_beforehand) as isolation:
        outcome = await isolation.run(
            target, argument, token=TOKEN, terms=Terms(timeout_seconds=timeout_seconds), stop=never
        )
    assert not isinstance(outcome, Stopped)  # nobody stops it
    logs = outcome.footprint.logs or ""
    if isinstance(outcome, Killed):
        outcome = Failed(failure(FailureClass.KILLED, outcome.story), footprint=outcome.footprint)
    return outcome, logs


def _loaded_beforehand(directory: str) -> list[Target]:
    """Nothing: what a module says while it is loaded belongs to what is shown."""
    return []
