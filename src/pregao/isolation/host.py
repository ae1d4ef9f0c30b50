"""Running attempts in processes of their own, from the worker's side."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pregao.attempt.outcome import Completed, Failed, Killed, Stopped, StopReason
from pregao.domain.failure import FailureClass, failure
from pregao.domain.service import Background
from pregao.isolation.foster import Foster
from pregao.isolation.marker import VARIABLE, Marker
from pregao.isolation.messages import Launch, Refused, Target, Task
from pregao.isolation.scratch import Scratch, remove
from pregao.isolation.supervision import Supervision
from pregao.isolation.sweep import sweep, sweep_own
from pregao.isolation.terms import Terms
from pregao.isolation.zygote_process import ZygoteFailed, ZygoteProcess
from pregao.isolation.zygotes import Zygotes

TRIES = 3
BACKSTOP_SECONDS = 10.0
"""After all that the worker would have done to a runner by then, the zygote kills it unasked."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Numerical libraries start a thread for each core when they are imported, and what has threads must not fork."""

T = TypeVar("T")


class Isolation:
    """The processes of one worker's isolated attempts.

    Use it as an asynchronous context: nothing that any attempt started lives after it. `environment` is all that
    scrapers get; `targets_of(directory)` are the scrapers that a zygote loads beforehand.
    """

    def __init__(self, environment: Mapping[str, str], targets_of: Callable[[str], Sequence[Target]]) -> None:
        self._marker = Marker.of_this_process()
        self._environment = {**dict.fromkeys(ONE_THREAD, "1"), **environment, VARIABLE: str(self._marker)}
        self._targets_of = targets_of
        self._numbers = itertools.count(1)
        self._runners: dict[int, int] = {}
        self._watching = Background("runners without a zygote")

    async def __aenter__(self) -> Isolation:
        """Sweep up after workers that are gone, and get ready. Raises OSError when there is no place to work in."""
        await asyncio.to_thread(sweep)
        self._scratch = Scratch(self._marker)
        self._foster = Foster(self._marker, lambda: set(self._runners.values()))
        self._zygotes = Zygotes(environment=self._environment, targets_of=self._targets_of, on_lost=self._foster.adopt)
        self._watching.start(self._foster.run)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._watching.stop()
        finally:  # a task that is cancelled itself gets its cancellation from `stop` once more
            await self._zygotes.close()
            await asyncio.to_thread(sweep_own, self._marker)
            await asyncio.to_thread(self._scratch.close)

    async def run(
        self, target: Target, argument: str | None, *, token: str, terms: Terms, stop: asyncio.Future[StopReason]
    ) -> Completed | Failed | Killed | Stopped:
        """Run one attempt to its end; its processes are gone then. Nothing that a scraper does is raised."""
        why = ""
        for _ in range(TRIES):
            try:
                zygote = self._zygotes.at_hand(target.directory)
                zygote = zygote or await _unless(stop, self._zygotes.get(target.directory))
            except ZygoteFailed as error:
                return Failed(failure(FailureClass.ERROR, str(error)))
            if zygote is None:
                return Stopped(stop.result())
            outcome = await self._run_under(zygote, target, argument, token, terms, stop)
            if not isinstance(outcome, Refused):
                return outcome
            why = outcome.why
        return Failed(failure(FailureClass.ERROR, f"no process could be started for it: {why}"))

    async def _run_under(
        self,
        zygote: ZygoteProcess,
        target: Target,
        argument: str | None,
        token: str,
        terms: Terms,
        stop: asyncio.Future[StopReason],
    ) -> Completed | Failed | Killed | Stopped | Refused:
        number = next(self._numbers)
        scratch = self._scratch.take()
        launch = Launch(
            id=number,
            name=target.class_name,
            marker=str(self._marker.for_attempt(token)),
            scratch=scratch,
            limits=terms.limits,
            deadline_seconds=terms.timeout_seconds + 2 * terms.cleanup_seconds + BACKSTOP_SECONDS,
        )
        task = Task(target, argument, terms.timeout_seconds, terms.cleanup_seconds, terms.initialize)
        outcome = await Supervision(zygote, launch, terms, stop).run(task, self._runners)
        if not self._scratch.give_back(scratch):
            await asyncio.to_thread(remove, Path(scratch))
        return outcome


async def _unless(stop: asyncio.Future[Any], work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` gives, or None as soon as `stop` is done; raises what `work` raises."""
    async with asyncio.TaskGroup() as group:
        working = group.create_task(_caught(work))
        await asyncio.wait({working, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            return None
    value = working.result()
    if isinstance(value, ZygoteFailed):
        raise value
    return value


async def _caught(work: Coroutine[Any, Any, T]) -> T | ZygoteFailed:
    """An error as a value: a task group would wrap it."""
    try:
        return await work
    except ZygoteFailed as error:
        return error
