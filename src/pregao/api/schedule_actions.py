"""What can be asked of a schedule at any door, the API's or the command line's: list, show, run now."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from loguru import logger

from pregao.api.rebuilding import rebuilding
from pregao.configuration.problem import Problem
from pregao.configuration.watched_file import WatchedFile
from pregao.domain.clock import Clock, SystemClock, market_iso
from pregao.domain.errors import InvalidInput, ScheduleNotFound, ScheduleRefused, StoreUnavailable
from pregao.queue.facts import Firing
from pregao.runtime import Runtime
from pregao.scheduler.loader import ScheduleFile
from pregao.scheduler.occurrence import by_hand
from pregao.scheduler.overview import describe
from pregao.scheduler.watched_file import watch_schedules
from pregao.store.history import History

KEY_LIMIT = 255
RUN_NAMESPACE = uuid.UUID("6d0f8a34-52c1-4f1b-8c0e-3f6f0f6a9b27")
"""A run's id follows from its idempotency key, so that the queue itself knows a repeated request."""


class ScheduleActions:
    """The schedules of a file on one runtime. The file is read again whenever it was written since."""

    def __init__(self, runtime: Runtime, watched: WatchedFile[ScheduleFile], clock: Clock | None = None) -> None:
        self._runtime = runtime
        self._watched = watched
        self._clock = clock or SystemClock()
        self._history = History(runtime.pool)

    async def listed(self, firings: int) -> dict[str, Any]:
        """Every schedule with its next `firings` and its last one, and the problems and warnings of the file."""
        file, problems = await self._read()
        last, known = await self._last_firings(list(file.schedules), with_job_ids=False)
        now = self._clock.now()
        return {
            "file": str(file.path),
            "schedules": [
                {**describe(file, name, now, firings), "last_firing": last.get(name)} for name in file.schedules
            ],
            "problems": [_shown(problem) for problem in problems],
            "warnings": [_shown(warning) for warning in file.warnings],
            "history_available": known,
        }

    async def one(self, name: str, firings: int) -> dict[str, Any]:
        """One schedule, with its own warnings. Raises ScheduleNotFound, and ScheduleRefused for one with problems."""
        file, problems = await self._read()
        _check_loaded(name, file, problems)
        last, known = await self._last_firings([name], with_job_ids=True)
        return {
            **describe(file, name, self._clock.now(), firings),
            "last_firing": last.get(name),
            "warnings": [_shown(warning) for warning in file.warnings if warning.entry == name],
            "history_available": known,
        }

    async def run(
        self, name: str, *, requested_by: str | None = None, idempotency_key: str | None = None
    ) -> tuple[dict[str, Any], bool]:
        """Make the schedule's jobs now: (the run that stands for the request, whether it is a new one).

        It is not new when the idempotency key was used in the last 24 hours, for the same schedule. Whether the
        schedule is enabled or due does not count, and its next firing stays what it is. Raises ScheduleNotFound,
        ScheduleRefused, InvalidInput, QueueUnavailable, QueueFull, GenerationMissing.
        """
        run_id = run_id_of(idempotency_key)
        known = None if idempotency_key is None else await self._runtime.commands.repeat_run(run_id)
        if known is not None:
            return _of_this_schedule(name, known), False
        file, problems = await self._read()
        _check_loaded(name, file, problems)
        why_not = file.why_not_run(name)
        if why_not is not None:
            raise ScheduleRefused(name, why_not)
        schedule, scraper = file.schedules[name], file.scrapers[name]
        retries = self._runtime.limits.of(scraper).max_retries

        async def run() -> tuple[Firing, bool]:
            now = await self._runtime.commands.server_time()
            wanted = by_hand(schedule, scraper, now, retries, run_id=run_id, requested_by=requested_by)
            return await self._runtime.commands.run(run_id, wanted.firing, wanted.specs)

        firing, new = await rebuilding(self._runtime, run)
        return _of_this_schedule(name, firing), new

    async def _read(self) -> tuple[ScheduleFile, list[Problem]]:
        await self._runtime.limits.look()
        return await asyncio.to_thread(self._watched.refresh)

    async def _last_firings(self, names: Sequence[str], *, with_job_ids: bool) -> tuple[dict[str, Any], bool]:
        """By schedule, and whether PostgreSQL could be asked: what is to come is known without it."""
        try:
            return await self._history.last_firings(names, with_job_ids=with_job_ids), True
        except StoreUnavailable as error:
            logger.warning("schedules are shown without their last firings: {}", error)
            return {}, False


def watch_enabled_schedules(runtime: Runtime) -> WatchedFile[ScheduleFile]:
    """The schedule file of the settings; schedules of a scraper that is disabled are asleep."""
    return watch_schedules(runtime.settings.schedules_path, runtime.registry, runtime.limits, SystemClock())


def run_id_of(idempotency_key: str | None) -> str:
    """The id of a run: the same for the same key. Raises InvalidInput for a key that is none."""
    if idempotency_key is None:
        return str(uuid.uuid4())
    if not 0 < len(idempotency_key) <= KEY_LIMIT or not idempotency_key.isprintable():
        raise InvalidInput(
            "Idempotency-Key", idempotency_key, "cannot be used", f"use 1 to {KEY_LIMIT} printable characters"
        )
    return str(uuid.uuid5(RUN_NAMESPACE, idempotency_key))


def _check_loaded(name: str, file: ScheduleFile, problems: Sequence[Problem]) -> None:
    if name in file.schedules:
        return
    own = [str(problem) for problem in problems if problem.entry == name]
    if own:
        raise ScheduleRefused(name, f"it is not loaded: {'; '.join(own)}")
    by_lower = {known.lower(): known for known in file.schedules}
    raise ScheduleNotFound(name, [by_lower[key] for key in get_close_matches(name.lower(), by_lower, n=3)])


def _shown(problem: Problem) -> dict[str, Any]:
    document = problem.document()
    del document["file"]
    return {**document, "text": str(problem)}


def _of_this_schedule(name: str, firing: Firing) -> dict[str, Any]:
    """The run as every door tells it. Raises ScheduleRefused when another schedule was run under its key."""
    if firing.schedule_name != name:
        raise ScheduleRefused(name, f"the Idempotency-Key was used before, to run schedule {firing.schedule_name}")
    return {
        "schedule_name": firing.schedule_name,
        "scraper_name": firing.scraper_name,
        "run_id": firing.run_id,
        "outcome": firing.outcome,
        "fire_time": market_iso(firing.fire_time),
        "requested_by": firing.requested_by,
        "jobs": len(firing.job_ids),
        "tickers": [ticker for ticker in firing.tickers if ticker is not None],
        "job_ids": firing.job_ids,
    }
