"""Running an asyncio scraper in the worker's own event loop: initialize, scrape, cleanup, each bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from loguru import logger

from pregao.attempt.judgement import classify, describe, judge
from pregao.attempt.outcome import Failed, Outcome, Stopped, StopReason
from pregao.domain.clock import Clock
from pregao.domain.failure import FailureClass, failure
from pregao.scrapers.base import Scraper
from pregao.scrapers.existing import ExistingScraper

CLEANUP_SECONDS = 5.0
OBEDIENCE_SECONDS = CLEANUP_SECONDS + 1.0
"""How long a cancelled attempt may take to end before it is abandoned."""


class InLoop:
    """Runs attempts in this event loop. `abandoned` counts those that ignored their cancellation and still run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._abandoned: set[asyncio.Task[Outcome]] = set()

    @property
    def abandoned(self) -> int:
        """Attempts that were given up and have not ended since."""
        return len(self._abandoned)

    async def run(
        self,
        create: Callable[[], Scraper],
        argument: str | None,
        *,
        timeout_seconds: float,
        stop: asyncio.Future[StopReason],
    ) -> Outcome:
        """Run one attempt. Ends when the scraper does, at the timeout, or when `stop` gets a reason: what is first.

        `cleanup()` always runs, for at most five seconds. Nothing that a scraper raises gets out of here, and one that
        swallows its cancellation does not keep the slot.
        """
        started = self._clock.monotonic()
        # Not in a task group: a group would wait for ever for an attempt that ignores its cancellation.
        attempt = asyncio.create_task(_attempt(create, argument, self._clock))  # noqa: TID251
        either: set[asyncio.Future[Any]] = {attempt, stop}
        try:
            await asyncio.wait(either, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = attempt.done()
            attempt.cancel()
        if not ended:
            await self._see_off(attempt)
            if stop.done():
                return Stopped(stop.result())
            message = f"timed out after {timeout_seconds:g} s"
            return Failed(failure(FailureClass.TIMEOUT, message), self._clock.monotonic() - started)
        if attempt.cancelled():
            message = "the scraper cancelled itself: something that it awaited was cancelled"
            return Failed(failure(FailureClass.ERROR, message), self._clock.monotonic() - started)
        return attempt.result()

    async def _see_off(self, attempt: asyncio.Task[Outcome]) -> None:
        await asyncio.wait({attempt}, timeout=OBEDIENCE_SECONDS)
        if not attempt.done():
            logger.error("an attempt ignores its cancellation; it is abandoned, and still takes up this worker")
            self._abandoned.add(attempt)
            attempt.add_done_callback(self._abandoned.discard)


async def _attempt(create: Callable[[], Scraper], argument: str | None, clock: Clock) -> Outcome:
    started = clock.monotonic()
    scraper: ExistingScraper | None = None
    try:
        scraper = ExistingScraper(create())
        await scraper.initialize()
        started = clock.monotonic()
        result = await scraper.scrape(argument)
        return judge(result, clock.monotonic() - started)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - every failure becomes an outcome
        return Failed(classify(error), clock.monotonic() - started)
    finally:
        if scraper is not None:
            await _clean_up(scraper)


async def _clean_up(scraper: ExistingScraper) -> None:
    try:
        async with asyncio.timeout(CLEANUP_SECONDS):
            await scraper.cleanup()
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - the attempt's outcome stands
        logger.warning("cleanup of {} failed: {}", scraper.name, describe(error))
