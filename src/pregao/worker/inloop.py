"""Running an asyncio scraper in the worker's own event loop: initialize, scrape, cleanup, each bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

from pregao.attempt.judgement import describe, failed_by, judge
from pregao.attempt.outcome import Failed, Outcome, Stopped, StopReason
from pregao.domain.clock import Clock
from pregao.domain.failure import FailureClass, failure
from pregao.scrapers.base import Scraper
from pregao.scrapers.existing import ExistingScraper

CLEANUP_SECONDS = 5.0
OBEDIENCE_SECONDS = CLEANUP_SECONDS + 1.0
"""How long a cancelled attempt may take to end before it is abandoned."""


class InLoop:
    """Runs attempts in this event loop. `abandoned` counts those that ignored their cancellation and still run.

    `ending` is set by whoever cancels the tasks of attempts from outside, before it does: a scraper may cancel its own.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.abandoned = 0
        self.ending = False

    async def run(
        self,
        create: Callable[[], Scraper],
        argument: str | None,
        *,
        timeout_seconds: float,
        stop: asyncio.Future[StopReason],
        on_abandoned: Callable[[Outcome], None],
    ) -> Outcome | None:
        """Run one attempt in the task of the caller, up to the scraper's end, the timeout, or a reason in `stop`.

        `cleanup()` always runs, for at most five seconds. Nothing that a scraper raises gets out of here. An attempt
        that has not ended OBEDIENCE_SECONDS after its cancellation is abandoned: `on_abandoned` gets its outcome then,
        and whenever it ends after all this returns None.
        """
        watch = _Watch(timeout_seconds, stop)
        abandoned = False

        def abandon() -> None:
            nonlocal abandoned
            abandoned = True
            self.abandoned += 1
            logger.error("an attempt ignores its cancellation; it is abandoned, and still takes up this worker")
            on_abandoned(watch.outcome(timeout_seconds))

        watch.on_disobedience = abandon
        try:
            outcome = await _attempt(create, argument, self._clock)
        except asyncio.CancelledError:
            if self.ending:
                raise
            message = "the scraper cancelled itself: something that it awaited was cancelled"
            outcome = Failed(failure(FailureClass.ERROR, message))
        finally:
            meddled = watch.end() and not self.ending
            self.abandoned -= abandoned
        if meddled:
            await self._take_what_is_left_of_a_cancellation()
        if abandoned:
            return None
        return watch.outcome(timeout_seconds) if watch.cancelled else outcome

    async def _take_what_is_left_of_a_cancellation(self) -> None:
        """One that a scraper asked for and did not wait for would hit whatever is awaited next."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if self.ending:
                raise


class _Watch:
    """Cancels the task that made it at a timeout or when `stop` gets a reason; tells when that does not help.

    Callbacks instead of a task that waits for another: that would cost as much as the rest of a short job.
    """

    def __init__(self, timeout_seconds: float, stop: asyncio.Future[StopReason]) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an attempt runs in a task")
        self.task = task
        self.cancelled = False
        self._cancelling = task.cancelling()
        self.on_disobedience: Callable[[], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._stop = stop
        self._timer = self._loop.call_later(timeout_seconds, self._cancel)
        stop.add_done_callback(self._cancel)

    def outcome(self, timeout_seconds: float) -> Outcome:
        """What a cancelled attempt comes to."""
        if self._stop.done():
            return Stopped(self._stop.result())
        message = f"timed out after {timeout_seconds:g} s"
        return Failed(failure(FailureClass.TIMEOUT, message), self._loop.time() - self._started)

    def end(self) -> bool:
        """Take all callbacks and every cancellation of the attempt back; whether there was another one than ours."""
        self.on_disobedience = None  # it knows this watch: only the collector could free the two
        self._timer.cancel()
        self._stop.remove_done_callback(self._cancel)
        asked = self.task.cancelling() - self._cancelling
        for _ in range(asked):
            self.task.uncancel()
        return asked > self.cancelled

    def _cancel(self, _: object = None) -> None:
        if self.cancelled:
            return
        self.cancelled = True
        self._timer.cancel()
        if self.on_disobedience is not None:
            self._timer = self._loop.call_later(OBEDIENCE_SECONDS, self.on_disobedience)
        self.task.cancel()


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
        return failed_by(error, clock.monotonic() - started)
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
