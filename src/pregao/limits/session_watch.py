"""Holds the jobs of scrapers whose session files are missing or expired, and releases them when those are renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from loguru import logger

from pregao.domain.clock import Clock
from pregao.domain.errors import QueueError
from pregao.domain.names import fold
from pregao.limits.live import LiveLimits
from pregao.limits.session_files import KnownFiles, is_known, look_at
from pregao.queue.commands import QueueCommands
from pregao.queue.login_holds import LoginHold, login_field, login_holds, login_value
from pregao.queue.views import QueueViews
from pregao.scrapers.entry import Entry

LOOK_SECONDS = 5.0
LOOKS_AT_LIMITS = 10
"""Within one look at the files."""


def place_of(entry: Entry) -> Path:
    """The directory that relative paths of a scraper's session files are below."""
    return entry.directory or Path.cwd()


class SessionWatch:
    """Looks every five seconds at the files of the scrapers that this worker runs, and when limits change.

    `directories` has these scrapers with the place that their paths are relative to. A hold is released by the host
    that made it, where the file was renewed; by another one only when no worker lives there any more. Whoever does not
    know all that is said of a scraper's files (its file of limits is broken or blank, the overrides were never read)
    releases nothing.
    """

    def __init__(
        self,
        commands: QueueCommands,
        views: QueueViews,
        limits: LiveLimits,
        directories: Callable[[], Mapping[str, Path]],
        *,
        host: str,
        clock: Clock,
    ) -> None:
        self._commands, self._views, self._limits = commands, views, limits
        self._directories = directories
        self._host = host
        self._clock = clock
        self._trouble: str | None = None
        self._known: KnownFiles = {}
        self._was_watched: set[str] = set()

    async def run(self) -> None:
        """Look for ever; a Redis that is away is waited for."""
        while True:
            version = self._limits.version
            await self.step()
            for _ in range(LOOKS_AT_LIMITS):
                await asyncio.sleep(LOOK_SECONDS / LOOKS_AT_LIMITS)
                if self._limits.version != version:
                    break

    async def step(self) -> None:
        """Look once. What keeps it from telling is logged once."""
        try:
            await self._look()
        except QueueError as error:
            if str(error) != self._trouble:
                logger.warning("session files cannot be told about for now: {}", error)
                self._trouble = str(error)
        else:
            self._trouble = None

    async def problem_of(self, name: str, place: Path) -> str | None:
        """Why a scraper cannot log in at this moment; the first of its files that is not as it should be.

        For every job that is about to start: a file is read when it was written since the last look only.
        """
        files = self._limits.of(name).session_files
        if all(is_known(file, place, self._known) for file in files):
            return self._problem_of(name, place)
        return await asyncio.to_thread(self._problem_of, name, place)

    async def hold(self, name: str, problem: str) -> None:
        """Hold the jobs of a scraper at once, unless they are held already. Raises QueueError."""
        holds = login_holds(await self._commands.control_fields())
        await self._hold(name, problem, holds.get(fold(name)))

    async def _look(self) -> None:
        scrapers = self._directories()
        watched = {name: place for name, place in scrapers.items() if self._limits.of(name).session_files}
        holds = login_holds(await self._commands.control_fields())
        for name in scrapers:
            if name not in watched and fold(name) in holds and self._may_let_go(name):
                await self._release(name, holds[fold(name)])
        for name, place in watched.items():
            problem = await asyncio.to_thread(self._problem_of, name, place)
            hold = holds.get(fold(name))
            if problem is not None:
                await self._hold(name, problem, hold)
            elif hold is not None and self._knows_files_of(name):
                await self._release(name, hold)
        self._was_watched |= watched.keys()

    def _may_let_go(self, name: str) -> bool:
        """Whether it is certain that a scraper without session files is meant to have none.

        What was seen here and is gone was taken away on purpose: a broken edit takes nothing away.
        """
        return name in self._was_watched or (self._limits.complete and self._limits.unread is None)

    def _knows_files_of(self, name: str) -> bool:
        """Whether its session files are all that is said of them: no broken file and no unread override hides any."""
        overridden = self._limits.settings_of(name)["session_files"].source == "override"
        whole = self._limits.complete or self._limits.stands_in
        return overridden or (whole and self._limits.unread is None)

    def _problem_of(self, name: str, place: Path) -> str | None:
        now = self._clock.now()
        problems = (look_at(file, place, now, self._known) for file in self._limits.of(name).session_files)
        return next((problem for problem in problems if problem is not None), None)

    async def _hold(self, name: str, problem: str, present: LoginHold | None) -> None:
        if present is not None and (present.why == problem or present.host != self._host):
            return  # they wait already
        who = f"session files on {self._host}"
        hold = LoginHold(who=who, why=problem, host=self._host, since=self._clock.now())
        await self._commands.control(login_field(name), login_value(hold), who)
        logger.warning("{} needs a login, and its jobs wait: {}", name, problem)

    async def _release(self, name: str, hold: LoginHold) -> None:
        if hold.host != self._host and hold.host in {worker.host for worker in await self._views.workers()}:
            return
        await self._commands.control(login_field(name), "", f"session files on {self._host}")
        logger.info("{} is logged in again, and its jobs run", name)
