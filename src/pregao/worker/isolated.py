"""Running a scraper of the user's in a process of its own, by what the registry, its limits and the settings say."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from pregao.attempt.outcome import Failed, Outcome, Stopped, StopReason
from pregao.domain.clock import Clock
from pregao.domain.failure import FailureClass, failure
from pregao.isolation.host import Isolation
from pregao.isolation.messages import Limits, Target
from pregao.isolation.terms import Terms
from pregao.limits.live import LiveLimits
from pregao.limits.values import ScraperLimits
from pregao.scrapers.entry import Entry
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.worker.browsers import Launches

STOP_SHARE_OF_GRACE = 0.2
"""Of the grace, for the cleanup of what runs when the worker has drained: what comes after it needs time as well."""

_NO_DIRECTORY = (
    "cannot have `executor: isolated`: only scrapers of SCRAPERS_PATH run in processes of their own; "
    "take the key back with `pregao scrapers unset`, or out of the file of limits"
)


class Isolated:
    """The isolated attempts of one worker; an asynchronous context, for as long as the worker runs attempts.

    Without directories of scrapers it does nothing.
    """

    def __init__(self, registry: Registry, settings: Settings, limits: LiveLimits, clock: Clock) -> None:
        self._registry = registry
        self._launches = Launches(settings.browser_distance_seconds, clock)
        self._limits = limits
        self._settings = settings
        self._stack = AsyncExitStack()
        self._isolation = Isolation(settings.scraper_environment.variables, self._targets_in)

    async def __aenter__(self) -> Isolated:
        """End what workers that are gone have left on this machine, and get ready."""
        if self._registry.watched:
            await self._stack.enter_async_context(self._isolation)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every process that runs for an attempt."""
        await self._stack.aclose()

    async def run(
        self,
        entry: Entry,
        argument: str | None,
        *,
        token: str,
        timeout_seconds: float,
        stop: asyncio.Future[StopReason],
    ) -> Outcome:
        """Run one attempt; ends when the scraper does, at the timeout, at a limit, or when `stop` gets a reason.

        One with a browser waits for its turn to launch it, which is none of its time.
        """
        if entry.directory is None:
            return refused(entry)
        if entry.transport == "browser" and not await self._launches.turn(stop):
            return Stopped(stop.result())
        terms = terms_of(self._limits.of(entry.name), self._settings, timeout_seconds)
        return await self._isolation.run(target_of(entry), argument, token=token, terms=terms, stop=stop)

    def _targets_in(self, directory: str) -> list[Target]:
        entries = self._registry.entries()
        return [
            target_of(entry) for entry in entries if entry.directory is not None and str(entry.directory) == directory
        ]


def refused(entry: Entry) -> Failed:
    """What comes of an attempt that is to be isolated, of a scraper that is in no directory."""
    return Failed(failure(FailureClass.PERMANENT, f"{entry.name} {_NO_DIRECTORY}"))


def terms_of(own: ScraperLimits, settings: Settings, timeout_seconds: float) -> Terms:
    """What an attempt is given by the limits of its scraper."""
    return Terms(
        timeout_seconds=timeout_seconds,
        cleanup_seconds=own.cleanup_seconds,
        shutdown_seconds=settings.grace_seconds * STOP_SHARE_OF_GRACE,
        initialize=own.initialize,
        limits=Limits(
            memory_mb=own.memory_mb,
            cpu_seconds=own.cpu_seconds,
            tasks=settings.scraper_processes or None,
        ),
    )


def target_of(entry: Entry) -> Target:
    """Where the class of an isolated scraper is."""
    return Target(
        directory=str(entry.directory),
        module=entry.module,
        class_name=entry.class_name,
        browser=entry.transport == "browser",
        run_init=entry.run_init,
    )
