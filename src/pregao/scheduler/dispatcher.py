"""Fires what is due. Its whole memory is in Redis: the mark of each schedule, the last fire time that is handled.

One step, which may be killed anywhere and repeated by anyone:

1. read the marks; a schedule without one starts from now;
2. finish the firings that were begun and left, of whatever schedule;
3. for each schedule, oldest first, decide about the occurrences between its mark and now;
4. write each with one script, which makes its jobs, records it and moves the mark past it, or does none of these.

An occurrence of more than 1,000 jobs takes several scripts. The first moves the mark and leaves a plan, so that nobody
decides about it again and step 2 finds it, with this schedule file or any other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta

import msgspec
from loguru import logger

from pregao.domain.clock import Clock, market_iso
from pregao.domain.errors import GenerationMissing, InvalidInput
from pregao.domain.names import counted
from pregao.domain.schedule import Schedule
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import Firing
from pregao.scheduler.loader import ScheduleFile
from pregao.scheduler.occurrence import Occurrence, handle
from pregao.scheduler.triggers import fires_between, next_fire

OVERDUE_LIMIT = 50
"""Overdue occurrences of one schedule that are handled before the others have their turn."""
RECHECK = timedelta(seconds=30)
"""How often marks are looked at even when nothing is due."""
_SLEEP_LAG = timedelta(minutes=5)
_EARLY_WAIT = timedelta(milliseconds=250)


class Dispatcher:
    """Handles the due occurrences of a schedule file, together with any number of others that do the same."""

    def __init__(self, clock: Clock, retries_of: Callable[[str], int]) -> None:
        """`retries_of` tells the retries of a scraper's jobs, for schedules that say nothing about them."""
        self._clock = clock
        self._retries_of = retries_of
        self._known: dict[str, Hashable | None] = {}
        self._ahead = timedelta()

    async def step(self, commands: QueueCommands, file: ScheduleFile) -> datetime:
        """Handle what is due now, and say when to call again (aware UTC; in the past when more is overdue).

        Raises GenerationMissing, QueueUnavailable or QueueFull; nothing is lost by that, and the step is repeated.
        """
        # The server's clock decides: this host's may be wrong, and would then find everything late, or begin a new
        # schedule in the future.
        now = await commands.server_time()
        self._ahead = self._clock.now() - now
        marks = await commands.fired_marks()
        if await commands.read_generation() is None:
            # Without it, "no mark" may mean that Redis was emptied: beginning from now would skip what is overdue.
            raise GenerationMissing
        marks = await self._align(commands, file, marks, now)
        await self._finish_begun(commands)
        wake = now + RECHECK
        for name in sorted(file.scrapers):
            schedule = file.schedules[name]
            if schedule.enabled:
                wake = min(wake, await self._handle(commands, schedule, file.scrapers[name], marks[name], now))
        return wake + self._ahead

    async def _finish_begun(self, commands: QueueCommands) -> None:
        for begun in await commands.started_firings():
            logger.info(
                "the firing of {} at {} goes on: {} of {} were made",
                begun.firing.schedule_name, market_iso(begun.firing.fire_time),
                begun.made, counted(len(begun.specs), "job"),
            )  # fmt: skip
            await commands.finish_firing(begun)

    async def _align(
        self, commands: QueueCommands, file: ScheduleFile, marks: dict[str, datetime], now: datetime
    ) -> dict[str, datetime]:
        """Marks for the schedules that are new, sleep, woke up or were changed: those start from now."""
        fresh, moved = {}, {}
        signatures = {name: _signature(file, name) for name in file.schedules}
        for name, signature in signatures.items():
            if name not in marks:
                fresh[name] = now
            elif signature is None:
                # Kept near now, so that waking up is not catching up; with a lag, since for another scheduler that
                # has the scraper this one may be awake.
                if marks[name] < now - _SLEEP_LAG - RECHECK:
                    moved[name] = now - _SLEEP_LAG
            elif signature != self._known.get(name, signature):
                moved[name] = now
        if fresh:
            await commands.begin_schedules(fresh)
        if moved:
            await commands.restore_fired(moved)
        # Only now: a step that failed above has to find the change again.
        self._known = dict.fromkeys(self._known) | signatures
        return marks | fresh | {name: max(mark, marks[name]) for name, mark in moved.items()}

    async def _handle(
        self, commands: QueueCommands, schedule: Schedule, scraper: str, mark: datetime, now: datetime
    ) -> datetime:
        """Handle the overdue occurrences of one schedule; answers when it is due again."""
        due = fires_between(schedule, mark, now, OVERDUE_LIMIT)
        for fire_time in due:
            occurrence = self._decide(schedule, scraper, fire_time)
            reply = await commands.fire(occurrence.firing, occurrence.specs)
            if reply == "early":
                # The server's clock decides, and it is behind ours.
                return now + _EARLY_WAIT
            if reply == "fired":
                _tell(occurrence.firing.outcome, schedule, fire_time, len(occurrence.specs), occurrence.firing.detail)
        if len(due) == OVERDUE_LIMIT:
            return now
        following = next_fire(schedule, max([mark, now, *due]))
        return now + RECHECK if following is None else following

    def _decide(self, schedule: Schedule, scraper: str, fire_time: datetime) -> Occurrence:
        """What becomes of one occurrence. One whose jobs are refused is skipped, and holds up no other schedule."""
        try:
            return handle(schedule, scraper, fire_time, self._clock.now() - self._ahead, self._retries_of(scraper))
        except InvalidInput as error:
            logger.error("schedule {} cannot fire: {}", schedule.name, error)
            skipped = Firing(
                schedule_name=schedule.name,
                scraper_name=scraper,
                fire_time=fire_time,
                outcome="skipped",
                detail=f"its jobs are refused: {error}",
            )
            return Occurrence(skipped, [])


def _signature(file: ScheduleFile, name: str) -> Hashable:
    """What decides when a schedule fires; None while it does not fire at all."""
    schedule = file.schedules.get(name)
    if schedule is None or not schedule.enabled or name not in file.scrapers:
        return None
    return (msgspec.json.encode(schedule.rule), schedule.timezone, schedule.start_date, schedule.end_date)


def _tell(outcome: str, schedule: Schedule, fire_time: datetime, jobs: int, detail: str | None) -> None:
    level = "INFO" if outcome == "fired" else "WARNING"
    logger.log(
        level, "schedule {} of {}: {}, {}{}",
        schedule.name, market_iso(fire_time), outcome, counted(jobs, "job"), f" ({detail})" if detail else "",
    )  # fmt: skip
