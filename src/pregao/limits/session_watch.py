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
from pregao.limits.session_files import look_at
from pregao.queue.commands import QueueCommands
from pregao.queue.login_holds import LoginHold, login_field, login_holds, login_value
from pregao.queue.views import QueueViews

LOOK_SECONDS = 5.0


class SessionWatch:
    """Looks every five seconds at the files of the scrapers that this worker runs.

    `directories` has these scrapers with the place that their paths are relative to. A hold is released by the host
    that made it, where the file was renewed; by another one only when no worker lives there any more.
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

    async def run(self) -> None:
        """Look for ever; a Redis that is away is waited for."""
        while True:
            await self.step()
            await asyncio.sleep(LOOK_SECONDS)

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

    async def _look(self) -> None:
        scrapers = self._directories()
        watched = {name: place for name, place in scrapers.items() if self._limits.of(name).session_files}
        holds = login_holds(await self._commands.control_fields())
        for name in scrapers:
            if name not in watched and fold(name) in holds:
                await self._release(name, holds[fold(name)])
        for name, place in watched.items():
            problem = await asyncio.to_thread(self._problem_of, name, place)
            hold = holds.get(fold(name))
            if problem is not None:
                await self._hold(name, problem, hold)
            elif hold is not None:
                await self._release(name, hold)

    def _problem_of(self, name: str, place: Path) -> str | None:
        """Why a scraper cannot log in; the first of its files that is not as it should be."""
        now = self._clock.now()
        problems = (look_at(file, place, now) for file in self._limits.of(name).session_files)
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
