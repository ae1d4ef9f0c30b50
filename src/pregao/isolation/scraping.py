"""One scraper from its constructor to its cleanup, inside of a runner: each step bounded, the result sent at once."""

from __future__ import annotations

import asyncio
import time
import traceback
from typing import Any

from pregao.attempt.judgement import failed_by, judge
from pregao.attempt.outcome import Completed, Failed
from pregao.domain.failure import FailureClass, failure
from pregao.isolation.logging_capture import note, note_exception
from pregao.isolation.messages import Cancel, Task
from pregao.isolation.stream import Stream
from pregao.scrapers.existing import ExistingScraper


class Scraping:
    """Runs one task in the running event loop.

    1. constructor, `initialize`, `scrape`. 2. The outcome goes to the worker, before anything else can go wrong.
    3. `cleanup`, always. At the timeout, or when the worker cancels or is gone, the scraper is cancelled; from then on
    `cleanup_seconds` are left for everything.
    """

    def __init__(self, task: Task, cls: type, stream: Stream, *, needs_initialize: bool) -> None:
        self._task = task
        self._class = cls
        self._stream = stream
        self._needs_initialize = needs_initialize
        self._scraper: ExistingScraper | None = None
        self._cancelled: asyncio.Future[None]

    async def run(self) -> bool:
        """Do it all; whether the scraper completed. Raises WorkerGone."""
        loop = asyncio.get_running_loop()
        self._cancelled = loop.create_future()
        self._listen(loop)
        # Not in a task group: a group would wait for ever for a scraper that ignores its cancellation.
        work = loop.create_task(self._work(), name=self._task.target.class_name)
        either: set[asyncio.Future[Any]] = {work, self._cancelled}
        await asyncio.wait(either, timeout=self._task.timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        until = loop.time() + self._task.cleanup_seconds
        try:
            outcome = self._outcome(work)
            if outcome is not None:
                self._stream.send(outcome)
            await self._see_off(work)
        finally:
            await self._clean_up(until)
            loop.remove_reader(self._stream.fileno())
        return isinstance(outcome, Completed)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear what the worker says from now on; what came together with the task is there already."""
        loop.add_reader(self._stream.fileno(), self._hear)
        if self._stream.has_more:
            self._hear()

    def _hear(self) -> None:
        message = self._stream.receive()
        if (message is None or isinstance(message, Cancel)) and not self._cancelled.done():
            self._cancelled.set_result(None)
            asyncio.get_running_loop().remove_reader(self._stream.fileno())

    async def _work(self) -> Completed | Failed:
        started = time.monotonic()
        try:
            self._scraper = ExistingScraper(self._class())
            if self._needs_initialize:
                await self._scraper.initialize()
            started = time.monotonic()
            result = await self._scraper.scrape(self._task.argument)
            return judge(result, time.monotonic() - started)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - every failure becomes an outcome
            note_exception(error)
            return failed_by(error, time.monotonic() - started)

    def _outcome(self, work: asyncio.Task[Completed | Failed]) -> Completed | Failed | None:
        """What the worker is told; None after a cancel, of which it knows."""
        if work.done():
            if work.cancelled():
                message = "the scraper cancelled itself: something that it awaited was cancelled"
                return Failed(failure(FailureClass.ERROR, message))
            return work.result()
        if self._cancelled.done():
            return None
        seconds = self._task.timeout_seconds
        note(f"timed out after {seconds:g} s, in:\n{_where(work)}")
        return Failed(failure(FailureClass.TIMEOUT, f"timed out after {seconds:g} s"), seconds)

    async def _see_off(self, work: asyncio.Task[Completed | Failed]) -> None:
        """Cancel what still runs. If it does not listen, half of the time is left for the cleanup."""
        if not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=self._task.cleanup_seconds / 2)

    async def _clean_up(self, until: float) -> None:
        if self._scraper is None:
            return
        try:
            async with asyncio.timeout_at(until):
                await self._scraper.cleanup()
        except BaseException as error:  # noqa: BLE001 - the attempt's outcome stands
            note("cleanup() failed:")
            note_exception(error)


def _where(work: asyncio.Task[Any]) -> str:
    """The lines at which a suspended task waits, from the outermost to what it really waits for."""
    frames = []
    waiting: Any = work.get_coro()
    while (frame := getattr(waiting, "cr_frame", None)) is not None:
        frames.append((frame, frame.f_lineno))
        waiting = waiting.cr_await
    return "".join(traceback.StackSummary.extract(iter(frames)).format())
