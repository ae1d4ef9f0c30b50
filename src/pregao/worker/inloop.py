"""Running an asyncio scraper in the worker's own event loop: initialize, scrape, cleanup, each bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from loguru import logger

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import Failure, FailureClass, clean_text, failure
from pregao.queue.codec import encode_result
from pregao.scrapers.base import Scraper
from pregao.worker.outcome import Completed, Failed, Outcome, Stopped, StopReason

CLEANUP_SECONDS = 5.0

_BUGS = (TypeError, AttributeError, NameError, ImportError, NotImplementedError, AssertionError, SyntaxError)


async def run_in_loop(
    create: Callable[[], Scraper],
    argument: str | None,
    *,
    timeout_seconds: float,
    stop: asyncio.Future[StopReason],
    clock: Clock,
) -> Outcome:
    """Run one attempt. Ends when the scraper does, at the timeout, or when `stop` gets a reason, whichever is first.

    `cleanup()` always runs, for at most five seconds. Nothing that a scraper raises gets out of here.
    """
    started = clock.monotonic()
    async with asyncio.TaskGroup() as group:
        attempt = group.create_task(_attempt(create, argument, clock))
        either: set[asyncio.Future[Any]] = {attempt, stop}
        await asyncio.wait(either, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        if attempt.done():
            return attempt.result()
        attempt.cancel()
    if stop.done():
        return Stopped(stop.result())
    message = f"timed out after {timeout_seconds:g} s"
    return Failed(failure(FailureClass.TIMEOUT, message), clock.monotonic() - started)


async def _attempt(create: Callable[[], Scraper], argument: str | None, clock: Clock) -> Outcome:
    started = clock.monotonic()
    scraper: Scraper | None = None
    try:
        scraper = create()
        await scraper.initialize()
        started = clock.monotonic()
        result = await scraper.scrape(argument)
        return _judge(result, clock.monotonic() - started)
    except asyncio.CancelledError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - every failure becomes an outcome
        return Failed(classify(error), clock.monotonic() - started)
    finally:
        if scraper is not None:
            await _bounded(scraper.cleanup(), f"cleanup of {type(scraper).__name__}")


def _judge(result: Any, elapsed_seconds: float) -> Outcome:
    missing = [name for name in ("success", "data", "error") if not hasattr(result, name)]
    if missing:
        return Failed(
            failure(
                FailureClass.BUG,
                f"scrape() returned a {type(result).__name__} without {', '.join(missing)}; return a ScraperResult",
            ),
            elapsed_seconds,
        )
    source = getattr(result, "source", None)
    source = None if source is None else clean_text(str(source))
    metadata = getattr(result, "metadata", None) or {}
    if result.success:
        return Completed(result.data, elapsed_seconds, source, metadata)
    error = getattr(result, "failure_class", FailureClass.ERROR)
    message = clean_text(str(result.error or "the scraper reported a failure without saying why"))
    return Failed(failure(FailureClass(error), message), elapsed_seconds, source, _storable(metadata))


def _storable(metadata: Any) -> dict[str, Any]:
    """Metadata as JSON values; a failure's metadata that cannot be stored must not hide the failure."""
    try:
        value = orjson.loads(encode_result(metadata).document)
    except ScrapeError as error:
        return {"metadata_left_out": str(error)}
    return value if isinstance(value, dict) else {"value": value}


def classify(error: BaseException) -> Failure:
    """Give a raised exception its class: a ScrapeError knows its own, a programming error is never retried."""
    if isinstance(error, ScrapeError):
        return Failure(error.failure_class, clean_text(str(error)), error.retryable)
    text = clean_text(f"{type(error).__name__}: {error}")
    if isinstance(error, TimeoutError):
        return failure(FailureClass.TIMEOUT, text)
    if isinstance(error, OSError):
        return failure(FailureClass.NETWORK, text)
    if isinstance(error, (*_BUGS, SystemExit, KeyboardInterrupt)):
        return failure(FailureClass.BUG, text)
    return failure(FailureClass.ERROR, text)


async def _bounded(work: Awaitable[Any], what: str) -> None:
    try:
        async with asyncio.timeout(CLEANUP_SECONDS):
            await work
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - the attempt's outcome stands
        logger.warning("{} failed: {}: {}", what, type(error).__name__, error)
