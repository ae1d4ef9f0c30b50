"""Running an asyncio scraper in the worker's own event loop: initialize, scrape, cleanup, each bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from loguru import logger

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import Failure, FailureClass, clean_text, failure
from pregao.queue.codec import encode_result
from pregao.scrapers.base import Scraper
from pregao.scrapers.existing import ExistingScraper
from pregao.worker.outcome import Completed, Failed, Outcome, Stopped, StopReason

CLEANUP_SECONDS = 5.0
OBEDIENCE_SECONDS = CLEANUP_SECONDS + 1.0
"""How long a cancelled attempt may take to end before it is abandoned."""

_BUGS = (TypeError, AttributeError, NameError, ImportError, NotImplementedError, AssertionError, SyntaxError)


class InLoop:
    """Runs attempts in this event loop. `abandoned` counts those that ignored their cancellation and still run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.abandoned = 0

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
            if watch.task.cancelling() > watch.cancelled:  # somebody else cancels this task as well
                raise
            message = "the scraper cancelled itself: something that it awaited was cancelled"
            outcome = Failed(failure(FailureClass.ERROR, message))
        finally:
            watch.end()
            self.abandoned -= abandoned
        if abandoned:
            return None
        return watch.outcome(timeout_seconds) if watch.cancelled else outcome


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

    def end(self) -> None:
        """Take all callbacks and the cancellation back."""
        self._timer.cancel()
        self._stop.remove_done_callback(self._cancel)
        if self.cancelled:
            self.task.uncancel()

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
        return _judge(result, clock.monotonic() - started)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - every failure becomes an outcome
        known = error.metadata if isinstance(error, ScrapeError) else {}
        return Failed(classify(error), clock.monotonic() - started, metadata=_storable(known))
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


def _judge(result: Any, elapsed_seconds: float) -> Outcome:
    missing = [name for name in ("success", "data", "error") if not hasattr(result, name)]
    if missing:
        text = f"scrape() returned a {type(result).__name__} without {', '.join(missing)}; return a ScraperResult"
        return Failed(failure(FailureClass.BUG, text), elapsed_seconds)
    source = getattr(result, "source", None)
    source = None if source is None else clean_text(str(source))
    metadata = getattr(result, "metadata", None) or {}
    if result.success:
        return Completed(result.data, elapsed_seconds, source, metadata)
    error = FailureClass(getattr(result, "failure_class", FailureClass.ERROR))
    message = clean_text(str(result.error or "the scraper reported a failure without saying why"))
    return Failed(failure(error, message), elapsed_seconds, source, _storable(metadata))


def _storable(metadata: Any) -> dict[str, Any]:
    """Metadata as JSON values; a failure's metadata that cannot be stored must not hide the failure."""
    try:
        value = orjson.loads(encode_result(metadata).document)
    except Exception as error:  # noqa: BLE001 - conversion runs the scraper's own code
        return {"metadata_left_out": describe(error)}
    return value if isinstance(value, dict) else {"value": value}


def classify(error: BaseException) -> Failure:
    """Give a raised exception its class: a ScrapeError knows its own, a programming error is never retried."""
    text = describe(error)
    if isinstance(error, ScrapeError):
        return Failure(error.failure_class, text, error.retryable)
    if isinstance(error, TimeoutError):
        return failure(FailureClass.TIMEOUT, text)
    if isinstance(error, OSError):
        return failure(FailureClass.NETWORK, text)
    if isinstance(error, _BUGS) or not isinstance(error, Exception):
        return failure(FailureClass.BUG, text)
    return failure(FailureClass.ERROR, text)


def describe(error: BaseException) -> str:
    """An exception in words that can be stored; its own text may raise as well."""
    try:
        text = str(error)
    except Exception as second:  # noqa: BLE001 - a scraper's own __str__
        text = f"(its text cannot be had: {type(second).__name__})"
    return clean_text(text if isinstance(error, ScrapeError) else f"{type(error).__name__}: {text}")
