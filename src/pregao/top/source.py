"""Where frames come from: Redis in two round trips, PostgreSQL in one, the schedule file when it changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

import msgspec
import redis.asyncio as redis_async

from pregao.configuration.problem import FileRefused
from pregao.configuration.watched_file import WatchedFile
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import PregaoError, QueueUnavailable
from pregao.limits.live import LiveLimits
from pregao.queue.connection import open_redis
from pregao.queue.overview import Overview, read_overview
from pregao.scheduler.loader import ScheduleFile
from pregao.scheduler.watched_file import watch_schedules
from pregao.scrapers.aside import aside
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.store.history import History
from pregao.store.pool import open_pool
from pregao.system.banner import Firing, next_firings, without_password
from pregao.top.frame import Failure, Frame

if TYPE_CHECKING:
    from pregao.store.pool import Pool

ANSWER_SECONDS = 2.0
"""A server that has not answered by then is shown as away; the next frame asks it again."""
FAILURES = 50
FIRINGS = 12


class FrameSource:
    """Takes frames, one after the other, for as long as it is open; close it with `aclose()`.

    A server that is away is part of the frame and never raised. Its address is looked up again until it answers, since
    the embedded engines may come back on other ports.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._redis: redis_async.Redis | None = None
        self._redis_url = ""
        self._pool: Pool | None = None
        self._database_url = ""
        self._registry: Registry | None = None
        self._limits: LiveLimits | None = None
        self._schedules: WatchedFile[ScheduleFile] | None = None
        self._reading = Lock()

    async def take(self) -> Frame:
        """Look at everything once, within about 2 s; the first time also for as long as it takes to find scrapers."""
        (queue, queue_problem), (failures, store_problem), _ = await asyncio.gather(
            self._look_at_queue(), self._look_at_store(), self._look_at_schedules()
        )
        taken_at = self._clock.now() if queue is None else queue.now
        return Frame(
            taken_at=taken_at,
            redis_address=without_password(self._redis_url),
            queue=queue,
            queue_problem=queue_problem,
            database_address=without_password(self._database_url),
            failures=failures,
            store_problem=store_problem,
            firings=self._firings(taken_at),
            schedule_problems=[] if self._schedules is None else [str(problem) for problem in self._schedules.problems],
        )

    async def aclose(self) -> None:
        """End the connections."""
        await self._drop_redis()
        self._drop_pool()
        if self._limits is not None:
            self._limits.close()

    async def _look_at_queue(self) -> tuple[Overview | None, str | None]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._redis is None:
                    self._redis_url = self._settings.resolve_redis_url()
                    self._redis = open_redis(self._redis_url, timeout_seconds=ANSWER_SECONDS, retries=0)
                return await read_overview(self._redis, self._settings.key_prefix), None
        except TimeoutError:
            problem = f"Redis did not answer within {ANSWER_SECONDS:g} s"
        except QueueUnavailable as error:
            problem = str(error)
        except PregaoError as error:
            return None, str(error)
        await self._drop_redis()
        return None, problem

    async def _look_at_store(self) -> tuple[list[Failure] | None, str | None]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._pool is None:
                    self._database_url = self._settings.resolve_database_url()
                    self._pool = await open_pool(self._database_url, max_size=1)
                rows = await History(self._pool).latest_failures(FAILURES)
                return msgspec.convert(rows, list[Failure]), None
        except TimeoutError:
            problem = f"PostgreSQL did not answer within {ANSWER_SECONDS:g} s"
        except PregaoError as error:
            problem = str(error)
        self._drop_pool()
        return None, problem

    async def _look_at_schedules(self) -> None:
        if self._limits is not None:
            await self._limits.look()
            # Scrapers that changed may take long to look at: a later frame shows what came of it.
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await aside(self._follow_schedules)
            return
        self._registry = await aside(Registry.load, self._settings)
        self._limits = LiveLimits(self._settings, self._registry)
        await self._limits.look()
        path = self._settings.schedules_path
        self._schedules = watch_schedules(path, self._registry, self._limits, self._clock)
        try:
            await aside(self._schedules.load)
        except FileRefused as refused:
            self._schedules.problems = [refused.details]

    def _follow_schedules(self) -> None:
        if self._registry is None or self._schedules is None or not self._reading.acquire(blocking=False):
            return
        try:
            self._registry.refresh()
            if self._schedules.changed():
                self._schedules.reload()
        finally:
            self._reading.release()

    def _firings(self, now: datetime) -> list[Firing]:
        if self._schedules is None:
            return []
        file = self._schedules.current
        firing = [file.schedules[name] for name in file.scrapers]
        return next_firings(firing, now, FIRINGS)

    async def _drop_redis(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    def _drop_pool(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
