"""Runs beside the engines and the children: starts them, watches them, tells how it goes, stops them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial

from loguru import logger

from pregao.domain.clock import Clock, market_iso
from pregao.domain.errors import EngineError, QueueError, QueueUnavailable, StoreUnavailable
from pregao.embedded.home import Home
from pregao.embedded.parent import as_parent
from pregao.scheduler.loader import ScheduleFile, load_schedules
from pregao.scrapers.aside import aside
from pregao.settings import RunFile, Settings
from pregao.store.migrations import migrate
from pregao.system.banner import api_url, banner
from pregao.system.child import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Child
from pregao.system.engines import Engines

ROLES = ("api", "scheduler", "worker")
REPORT_SECONDS = 60.0
LOOK_SECONDS = 1.0
MIGRATE_AGAIN_SECONDS = 2.0
ANSWER_SECONDS = 30.0
ENGINES_SHARE_SECONDS = 5.0
"""The end of the grace that belongs to the engines; a short grace is divided four to one."""


class Supervisor:
    """One run of the system."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        engines: Engines,
        command: Sequence[str],
        clock: Clock,
    ) -> None:
        self._settings, self._home, self._engines, self._clock = settings, home, engines, clock
        self._children_grace = max(settings.grace_seconds * 0.8, settings.grace_seconds - ENGINES_SHARE_SECONDS)
        environment = {
            **os.environ,
            **engines.child_urls,
            **as_parent(),
            "PREGAO_HOME": str(settings.home),
            # A worker that uses up its grace must still be done before ours ends.
            "PREGAO_GRACE_SECONDS": str(round(self._children_grace * 0.9, 3)),
        }
        self._children = [Child(role, command, environment, clock) for role in ROLES]
        self._stop = asyncio.Event()
        self._signals = 0

    async def run(self) -> int:
        """Run until a signal. Raises UnsafeServer, MigrationMismatch and StoreError for servers that do not fit."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)
        await self._check_own_redis()
        migrated = await self._migrate_once()
        async with asyncio.TaskGroup() as group:
            children = [group.create_task(child.run(), name=child.role) for child in self._children]
            helpers = [
                group.create_task(self._announce(), name="announce"),
                group.create_task(self._watch_engines(), name="engines"),
                group.create_task(self._report(), name="report"),
            ]
            if not migrated:
                helpers.append(group.create_task(self._migrate_when_possible(), name="migrate"))
            await self._stop.wait()
            for helper in helpers:
                helper.cancel()
            await self._stop_children(children)
        if self._signals > 1:
            self._engines.kill()
        else:
            self._engines.stop()
        logger.info("everything is stopped")
        return 0

    def _on_signal(self, number: signal.Signals) -> None:
        self._signals += 1
        self._stop.set()
        if self._signals == 1:
            logger.info(
                "{}: stopping, at most {:g} s; once more stops at once", number.name, self._settings.grace_seconds
            )
            return
        for child in self._children:
            child.kill()

    async def _stop_children(self, tasks: list[asyncio.Task[None]]) -> None:
        for child in self._children:
            child.kill() if self._signals > 1 else child.stop()
        _, running = await asyncio.wait(tasks, timeout=self._children_grace)
        if running:
            late = ", ".join(sorted(task.get_name() for task in running))
            logger.warning("{} did not stop within {:g} s and is killed", late, self._children_grace)
        for child in self._children:
            child.kill()

    async def _check_own_redis(self) -> None:
        if self._engines.valkey is not None:
            return
        from pregao.queue.connection import check_server, open_redis

        async with open_redis(self._engines.redis_url) as redis:
            try:
                await check_server(redis, self._settings.key_prefix)
            except QueueUnavailable as error:
                logger.warning("{}; for the embedded Valkey unset REDIS_URL and the other REDIS_ variables", error)

    async def _migrate_once(self) -> bool:
        try:
            applied = await migrate(self._engines.child_urls["DATABASE_URL"])
        except StoreUnavailable as error:
            logger.warning("{}; jobs run meanwhile, and are recorded when it is back", error)
            return False
        for name in applied:
            logger.info("migrated: {}", name)
        return True

    async def _migrate_when_possible(self) -> None:
        while True:
            await asyncio.sleep(MIGRATE_AGAIN_SECONDS)
            if await self._migrate_once():
                return

    async def _announce(self) -> None:
        """Write the run file at once, for other scripts; the banner when the API answers."""
        self._write_run_file()
        file = await self._installed_schedules()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    if await self._api_answers():
                        break
                    await asyncio.sleep(0.05)
        except TimeoutError:
            logger.warning("the API does not answer yet")
        self._write_run_file()
        sys.stdout.write("\n" + banner(self._settings, self._engines, file, self._clock, self._pids()) + "\n")
        sys.stdout.flush()

    async def _installed_schedules(self) -> ScheduleFile:
        """The schedule file with the scrapers that can run here: the others do not fire, and are not announced."""
        from pregao.limits.disabled import resolve_enabled
        from pregao.limits.live import limits_now
        from pregao.scrapers.registry import Registry

        registry = await aside(Registry.load, self._settings)
        resolve = partial(resolve_enabled, registry, await limits_now(self._settings, registry))
        path = self._settings.schedules_path
        return await asyncio.to_thread(load_schedules, path, resolve=resolve, clock=self._clock)

    async def _api_answers(self) -> bool:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.api_host, self._settings.api_host)
        try:
            _, writer = await asyncio.open_connection(host, self._settings.api_port)
        except OSError:
            return False
        writer.close()
        return True

    def _write_run_file(self) -> None:
        RunFile(
            pid=os.getpid(),
            started_at=market_iso(self._clock.now()) or "",
            redis_url=self._engines.redis_url,
            database_url=self._engines.database_url,
            api_url=api_url(self._settings),
            pids=self._pids(),
        ).write(self._home.path)

    def _pids(self) -> dict[str, int]:
        pids = {"up": os.getpid()}
        pids |= {child.role: child.pid for child in self._children if child.pid is not None}
        for name, engine in (("valkey", self._engines.valkey), ("postgres", self._engines.postgres)):
            if engine is not None and engine.process.pid is not None:
                pids[name] = engine.process.pid
        return pids

    async def _watch_engines(self) -> None:
        """Start a dead engine again. The fork happens here, in the main thread; the waiting elsewhere."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            dead = self._engines.dead()
            if not dead:
                pause = FIRST_PAUSE_SECONDS
                continue
            for engine in dead:
                try:
                    engine.launch()
                    await asyncio.to_thread(engine.wait_ready)
                    logger.info("{} runs again", engine.process.name)
                except EngineError as error:
                    logger.error("{}; trying again in {:g} s", error, pause)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            self._write_run_file()

    async def _report(self) -> None:
        """One line a minute."""
        await asyncio.sleep(REPORT_SECONDS)
        # Only now: redis-py is slow to import, and would delay the children.
        from pregao.queue.connection import open_redis
        from pregao.queue.views import QueueViews

        redis = open_redis(self._engines.child_urls["REDIS_URL"])
        views = QueueViews(redis, self._settings.key_prefix)
        try:
            while True:
                try:
                    lengths, outbox = await views.lengths(), await views.outbox()
                except QueueError as error:
                    logger.error("{}", error)
                else:
                    logger.info(
                        "queue: high {}, normal {}, low {}, waiting for a retry {}, running {}; to be recorded {}",
                        lengths.high, lengths.normal, lengths.low, lengths.delayed, lengths.running, outbox.entries,
                    )  # fmt: skip
                await asyncio.sleep(REPORT_SECONDS)
        finally:
            await redis.aclose()
