"""One isolated attempt as a list of steps: launch, write the task, greet, follow, see it end, decide."""

from __future__ import annotations

import asyncio
from typing import Any

from loguru import logger

from pregao.attempt.outcome import Completed, Failed, Killed, Stopped, StopReason
from pregao.isolation.conversation import Conversation
from pregao.isolation.messages import Cancel, Ended, Launch, Refused, Task
from pregao.isolation.terms import Terms
from pregao.isolation.verdict import decide, footprint_of
from pregao.isolation.zygote_process import START_SECONDS, ZygoteProcess

ANSWER_SECONDS = 10.0
"""How long a zygote may take to start a runner, or to say that one is gone. One that takes longer is replaced."""
SLACK_SECONDS = 0.5
"""Between what a runner does by itself and what is done to it when it does not."""


class Supervision:
    """Sees one runner through. Every wait is bounded, whatever the scraper, the runner or the zygote does."""

    def __init__(self, zygote: ZygoteProcess, launch: Launch, terms: Terms, stop: asyncio.Future[StopReason]) -> None:
        self._zygote = zygote
        self._launch = launch
        self._terms = terms
        self._stop = stop

    async def run(self, task: Task, runners: dict[int, int]) -> Completed | Failed | Killed | Stopped | Refused:
        """Run it to its end; Refused when no runner could be started, and nothing was run.

        `runners` gets the runner's pid by the number of its launch, for as long as it lives.
        """
        with Conversation() as self._talk:
            self._flight = self._zygote.launch(self._launch, self._talk.descriptors)
            self._talk.handed_over()
            try:
                # It reads this only after its hello has reached us: one that comes too late finds nobody, and ends.
                self._talk.write(task)
                if not await self._greet():
                    return await self._without_runner()
                runners[self._launch.id] = self._talk.hello.result()
                await self._talk.say()
                timed_out = await self._follow()
                await self._see_end()
                return self._decide(task, timed_out=timed_out)
            finally:
                runners.pop(self._launch.id, None)
                if not self._flight.ended.done():
                    self._flight.kill()

    async def _greet(self) -> bool:
        """Wait for the runner; whether it stands and nobody wants it to stop."""
        patience = START_SECONDS if self._zygote.mode == "warm" else ANSWER_SECONDS
        await _first({self._talk.hello, self._talk.silence, self._flight.ended, self._stop}, patience)
        if not self._talk.hello.done():
            if not (self._flight.ended.done() or self._stop.done() or self._talk.silence.done()):
                self._zygote.fail(f"did not start a process within {patience:g} s")
            return False
        self._flight.pid = self._talk.hello.result()
        return not self._stop.done()

    async def _without_runner(self) -> Stopped | Refused:
        if not self._flight.ended.done():
            self._flight.kill()
            await _first({self._flight.ended}, ANSWER_SECONDS)
        if self._stop.done():
            return Stopped(self._stop.result())
        how = self._flight.ended.result() if self._flight.ended.done() else None
        return how if isinstance(how, Refused) else Refused(self._launch.id, f"it ended before it began ({how})")

    async def _follow(self) -> bool:
        """Wait for its word or its end; whether it missed its timeout, which it should have kept by itself."""
        terms = self._terms
        seconds = terms.timeout_seconds + terms.cleanup_seconds + SLACK_SECONDS
        await _first({self._talk.outcome, self._talk.silence, self._flight.ended, self._stop}, seconds)
        if self._talk.outcome.done() or self._talk.silence.done() or self._flight.ended.done():
            return False
        if self._stop.done():
            await self._talk.say(Cancel())
            return False
        self._flight.kill()
        return True

    async def _see_end(self) -> None:
        """Let it clean up, then have it killed, then do without a zygote that does not manage to."""
        cleanup = self._terms.cleanup_seconds
        if self._stop.done() and self._stop.result() == "shutdown":
            cleanup = min(cleanup, self._terms.shutdown_seconds)
        if await self._ended_within(cleanup + SLACK_SECONDS):
            return
        self._flight.kill()
        if await self._ended_within(ANSWER_SECONDS):
            return
        self._zygote.fail("does not say that a process has ended")
        self._flight.kill()
        if not await self._ended_within(2 * ANSWER_SECONDS):
            logger.error("the processes of launch {} cannot be ended; they are left to themselves", self._launch.id)
            self._flight.end(Ended(self._launch.id))

    async def _ended_within(self, seconds: float) -> bool:
        """One that is silent has nothing left to do: its end is waited for no longer than the zygote's answer takes."""
        ended, silence = self._flight.ended, self._talk.silence
        await _first({ended} if silence.done() else {ended, silence}, seconds)
        if silence.done() and not ended.done():
            await _first({ended}, min(seconds, ANSWER_SECONDS))
        return ended.done()

    def _decide(self, task: Task, *, timed_out: bool) -> Completed | Failed | Killed | Stopped | Refused:
        ended = self._flight.ended.result()
        if isinstance(ended, Refused):
            ended = Ended(self._launch.id)
        footprint = footprint_of(ended, self._talk.logs())
        said = self._talk.outcome.result() if self._talk.outcome.done() else None
        if said is None and self._stop.done():
            return Stopped(self._stop.result(), footprint)
        return decide(said, ended, footprint, task, timed_out=timed_out)


async def _first(futures: set[asyncio.Future[Any]], seconds: float) -> None:
    await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
