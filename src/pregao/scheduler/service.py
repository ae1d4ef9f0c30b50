"""`ScraperScheduler`: the scheduler as scripts and the system use it, with the contract's signatures."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from loguru import logger

from pregao.configuration.problem import FileRefused, Problem
from pregao.configuration.watched_file import WatchedFile
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import GenerationMissing, QueueError, StoreError, UnsafeServer
from pregao.domain.names import counted
from pregao.domain.service import Background
from pregao.generation import GenerationKeeper
from pregao.limits.live import LiveLimits, following_limits
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import check_server, open_redis
from pregao.queue.views import SchedulerFacts
from pregao.scheduler.dispatcher import Dispatcher
from pregao.scheduler.loader import ScheduleFile
from pregao.scheduler.overview import describe
from pregao.scheduler.watched_file import watch_schedules
from pregao.scrapers.aside import aside
from pregao.scrapers.following import following
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.version import running_version

LOOK_SECONDS = 1.0
"""The longest sleep: a changed file or a clock that was set is noticed within this time."""
FIRST_WAIT_SECONDS = 0.5
LAST_WAIT_SECONDS = 15.0
BEAT_SECONDS = 5.0


class ScraperScheduler:
    """Fires the schedules of a file. Any number may run; each occurrence fires once.

    `initialize()` reads the file, `start()` returns at once and fires in the background, `stop()` ends that. Start
    initializes when that was not done; stop before start and a second stop do nothing.
    """

    def __init__(
        self,
        config_path: str | Path | None = None,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._settings = settings or Settings.load()
        self._clock = clock or SystemClock()
        self._path = self._settings.schedules_path if config_path is None else Path(config_path)
        self._registry = registry
        self._file: WatchedFile[ScheduleFile] | None = None
        self._limits: LiveLimits | None = None
        self._dispatcher = Dispatcher(self._clock, self._retries_of)
        self._background = Background("scheduler")
        self._id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._next_beat = 0.0

    @property
    def file(self) -> ScheduleFile:
        """What is loaded now; empty before `initialize()`."""
        return ScheduleFile(self._path, {}, {}, [], []) if self._file is None else self._file.current

    @property
    def schedules(self) -> dict[str, dict[str, Any]]:
        """The loaded schedules by name, as plain documents: enabled, type, scraper, tickers …"""
        return {name: schedule.document() for name, schedule in self.file.schedules.items()}

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the file as it is on disk now."""
        return [] if self._file is None else list(self._file.problems)

    async def initialize(self) -> None:
        """Read the schedule file. Raises FileRefused when it is missing or is not YAML."""
        if self._registry is None:
            self._registry = await aside(Registry.load, self._settings)
        self._limits = LiveLimits(self._settings, self._registry, clock=self._clock)
        await self._limits.look()
        self._file = watch_schedules(self._path, self._registry, self._limits, self._clock)
        try:
            self._file.load()
        except FileRefused as refused:
            raise (
                refused.of_the_settings("PREGAO_SCHEDULES") if self._path == self._settings.schedules_path else refused
            ) from None
        logger.info("{} from {}", counted(len(self.file.schedules), "schedule"), self._path)
        for name in self.file.asleep:
            logger.warning("schedule {} does not fire: {}", name, self.file.why_not_run(name))

    async def start(self) -> None:
        """Start to fire in the background; does nothing when it already does."""
        if self._background.running:
            return
        if self._file is None:
            await self.initialize()
        self._background.start(self._run)

    async def wait(self) -> None:
        """Wait for as long as it fires; raises what ended it, for example UnsafeServer."""
        await self._background.wait()

    async def stop(self) -> None:
        """Stop firing. What is due from now on is caught up by the next start, as each schedule says."""
        await self._background.stop()

    def get_jobs(self) -> list[dict[str, Any]]:
        """The enabled schedules: id, name, next_run_time (ISO 8601, São Paulo; None if never), trigger, state.

        State is `scheduled`, `over`, or why nothing fires: `no scraper` (it is not installed), `disabled` (its scraper
        is), `not configured: …` or `not loaded: …`.
        """
        now = self._clock.now()
        enabled = [name for name, schedule in self.file.schedules.items() if schedule.enabled]
        shown = [describe(self.file, name, now, firings=1) for name in enabled]
        told = ("name", "next_run_time", "trigger", "state")
        return [{"id": row["name"], **{key: row[key] for key in told}} for row in shown]

    def _retries_of(self, scraper: str) -> int:
        return self._settings.max_retries if self._limits is None else self._limits.of(scraper).max_retries

    async def _run(self) -> None:
        assert self._registry is not None
        assert self._limits is not None
        try:
            async with following(self._registry), following_limits(self._limits):
                await self._serve()
        except Exception:
            # Whoever started it may never ask how it ended.
            logger.exception("the scheduler ended and fires no more")
            raise

    async def _serve(self) -> None:
        """Fire for ever; while Redis is away, wait for it and catch up afterwards."""
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                async with self._link() as (commands, keeper):
                    while True:
                        await self._turn(commands, keeper)
                        if wait != FIRST_WAIT_SECONDS:
                            logger.info("the scheduler fires again")
                            wait = FIRST_WAIT_SECONDS
            except UnsafeServer:
                raise
            except (QueueError, StoreError) as error:
                if wait == FIRST_WAIT_SECONDS:
                    logger.error("the scheduler cannot fire for now, and will catch up: {}", error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, LAST_WAIT_SECONDS)

    async def _turn(self, commands: QueueCommands, keeper: GenerationKeeper) -> None:
        """Fire what is due, sleep until something is, and take over a changed file."""
        assert self._file is not None
        try:
            wake = await self._dispatcher.step(commands, self.file)
            while (left := (wake - self._clock.now()).total_seconds()) > 0:
                await self._beat(commands)
                await asyncio.sleep(min(left, LOOK_SECONDS))
                if self._file.changed():
                    # What was due under the old rules is settled before the new ones count.
                    await self._dispatcher.step(commands, self.file)
                    self._file.reload()
                    return
        except GenerationMissing:
            logger.warning("this Redis is new or was emptied: it is rebuilt from PostgreSQL")
            await keeper.ensure()
            # If it is emptied again and again, this is no busy loop.
            await asyncio.sleep(FIRST_WAIT_SECONDS)

    async def _beat(self, commands: QueueCommands) -> None:
        """Say every few seconds that this scheduler lives, and what is wrong with its file."""
        if self._clock.monotonic() < self._next_beat:
            return
        self._next_beat = self._clock.monotonic() + BEAT_SECONDS
        facts = SchedulerFacts(
            id=self._id,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=running_version(),
            schedules=sum(self.file.schedules[name].enabled for name in self.file.scrapers),
            problems=[*(str(problem) for problem in self.problems), *self.file.unknown],
        )
        await commands.beat(facts)

    @asynccontextmanager
    async def _link(self) -> AsyncIterator[tuple[QueueCommands, GenerationKeeper]]:
        """A connection; its address is looked up again each time, since the embedded engines may move."""
        redis = open_redis(self._settings.resolve_redis_url())
        commands = QueueCommands(redis, self._settings.key_prefix)
        keeper = GenerationKeeper(commands, self._settings.resolve_database_url())
        try:
            await check_server(redis, self._settings.key_prefix)
            self._next_beat = 0.0
            yield commands, keeper
        finally:
            await self._retire(commands)
            await keeper.aclose()
            await redis.aclose()

    async def _retire(self, commands: QueueCommands) -> None:
        try:
            await commands.retire(self._id)
        except QueueError as error:
            logger.debug("this scheduler's entry stays until its heartbeat is old: {}", error)
