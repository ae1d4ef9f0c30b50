"""Running one scraper once without a queue, as a worker would: by its limits, here or apart, its result checked."""

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
from pregao.limits.last_good import LastGoodValues
from pregao.limits.live import LiveLimits
from pregao.limits.result_gate import ResultGate
from pregao.limits.values import ResultChecks
from pregao.scrapers.base import NotConfigured, Scraper
from pregao.scrapers.entry import Entry
from pregao.scrapers.here import make_here
from pregao.scrapers.http import shared_clients
from pregao.settings import Settings
from pregao.store.link import StoreLink
from pregao.worker.inloop import InLoop
from pregao.worker.isolated import refused, target_of, terms_of

TOKEN = "by-hand"
"""Where a job has the token of its lease, which its processes carry in their environment."""
LOGS_LIMIT = 64 * 1024
ANSWER_SECONDS = 2.0


class Run(msgspec.Struct, frozen=True):
    """How one run ended. `seconds` is all of it, start of the process included; `logs` is what it said, up to 64 KB."""

    outcome: Completed | Failed
    seconds: float
    logs: str


class ByHand:
    """Runs scrapers once by the limits and checks that hold for their jobs; a context, to close its connection."""

    def __init__(self, settings: Settings, limits: LiveLimits, clock: Clock | None = None) -> None:
        self._settings, self._limits = settings, limits
        self._clock = clock or SystemClock()
        self._link = StoreLink(settings.resolve_database_url, answer_seconds=ANSWER_SECONDS)
        self._gate = ResultGate(LastGoodValues(self._link, self._clock))

    async def __aenter__(self) -> ByHand:
        """Nothing is opened before it is needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the connection to PostgreSQL, if there is one."""
        self._link.drop()

    async def run(self, entry: Entry, argument: str | None, timeout_seconds: float | None = None) -> Run:
        """Run one scraper with one argument; what it raises is the outcome's. `timeout_seconds` None: its limit.

        Nothing that one apart has started is left afterwards, also when the caller is cancelled.
        """
        own = self._limits.of(entry.name)
        seconds = timeout_seconds or own.timeout_seconds
        started = self._clock.monotonic()
        if (own.executor or entry.executor) == "in_loop":
            outcome, logs = await _here(entry, argument, seconds, self._clock)
        else:
            terms = terms_of(own, self._settings, seconds)
            outcome, logs = await _apart(entry, argument, terms, self._settings.scraper_environment.variables)
        if isinstance(outcome, Completed):
            outcome = await self._judged(entry, argument, outcome, own.result_checks)
        return Run(outcome, self._clock.monotonic() - started, logs)

    async def _judged(
        self, entry: Entry, argument: str | None, outcome: Completed, checks: ResultChecks
    ) -> Completed | Failed:
        """What a job would come to with this result. Without PostgreSQL nothing is compared with the last good one."""
        judgement = await self._gate.judge(entry.name, argument, outcome.result_json, checks)
        metadata = {**outcome.metadata, **judgement.metadata}
        if judgement.failure is None:
            return msgspec.structs.replace(outcome, metadata=metadata)
        problem = failure(FailureClass.VALIDATION, judgement.failure)
        return Failed(problem, outcome.response_time_seconds, outcome.source, metadata, outcome.footprint)


async def _here(
    entry: Entry, argument: str | None, timeout_seconds: float, clock: Clock
) -> tuple[Completed | Failed, str]:
    never: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
    given_up: list[Outcome] = []

    def create() -> Scraper:
        if entry.missing:
            raise NotConfigured(*entry.missing)
        return entry.make() if entry.directory is None else make_here(entry)

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
    entry: Entry, argument: str | None, terms: Terms, environment: Mapping[str, str]
) -> tuple[Completed | Failed, str]:
    if entry.directory is None:
        return refused(entry), ""
    never: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
    target = target_of(entry)
    async with Isolation(environment, _loaded_beforehand) as isolation:
        outcome = await isolation.run(target, argument, token=TOKEN, terms=terms, stop=never)
    assert not isinstance(outcome, Stopped)  # nobody stops it
    logs = outcome.footprint.logs or ""
    if isinstance(outcome, Killed):
        outcome = Failed(failure(FailureClass.KILLED, outcome.story), footprint=outcome.footprint)
    return outcome, logs


def _loaded_beforehand(directory: str) -> list[Target]:
    """Nothing: what a module says while it is loaded belongs to what is shown."""
    return []
