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
        return _judge(result, clock.monotonic() - started)
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
