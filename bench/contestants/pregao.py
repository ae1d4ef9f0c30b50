"""Pregão: the JobProcessor as it ships, with one in-loop scraper; the recorder is somebody else's."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from bench.contestant import Handler
from pregao.collector import calm_collector
from pregao.domain.job import Job, JobPriority, JobSpec
from pregao.jobqueue import JobQueue
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.scrapers.base import ScraperResult
from pregao.settings import Settings
from pregao.worker.processor import JobProcessor

SCRAPER = "Bench"
DONE = ScraperResult(success=True, source="bench")


class Bench:
    """The scraper that the measured jobs run: it does what `handler` does with the number in its argument."""

    name = SCRAPER
    handler: ClassVar[Handler]

    async def initialize(self) -> None:
        """Nothing to get ready."""

    async def scrape(self, ticker: str | None) -> ScraperResult:
        """Run one measured job."""
        await Bench.handler(int(ticker or 0))
        return DONE

    async def cleanup(self) -> None:
        """Nothing to give back."""


def new_spec(argument: int, priority: JobPriority = JobPriority.NORMAL) -> JobSpec:
    """A request for one measured job."""
    return JobSpec(
        id=str(uuid.uuid4()),
        scraper_name=SCRAPER,
        ticker=str(argument),
        priority=priority,
        created_at=datetime.now(UTC),  # noqa: TID251 - a request is made here, as a producer would
    )


def settings_for(url: str, database_url: str = "postgresql://nobody@127.0.0.1:9/nobody") -> Settings:
    """Settings bound to the benchmark's engines; the environment and `.env` are not read."""
    environ = {"REDIS_URL": url, "DATABASE_URL": database_url, "PREGAO_SCRAPERS": f"{__name__}:Bench"}
    return Settings.load(None, environ=environ, pregao_home=Path(tempfile.gettempdir()) / "pregao-bench")


class Pregao:
    """`QueueCommands.enqueue` in bulk, `JobQueue.push` one by one, a JobProcessor to work."""

    packages = ("pregao", "redis", "hiredis", "uvloop")
    slots = 1000
    settings = "JobProcessor(records=False), in-loop scraper"

    async def open(self, url: str, handler: Handler, slots: int) -> None:
        """Connect and set the generation marker, which recovery from PostgreSQL does otherwise."""
        Bench.handler = staticmethod(handler)
        self._settings = settings_for(url)
        self._redis = open_redis(url)
        self._commands = QueueCommands(self._redis)
        self._queue = JobQueue(settings=self._settings)
        self._slots = slots
        await self._commands.open_generation(1)

    async def enqueue(self, arguments: Sequence[int]) -> None:
        """In scripts of up to 1,000 jobs."""
        await self._commands.enqueue([new_spec(argument) for argument in arguments])

    async def enqueue_one(self, argument: int) -> None:
        """As a script of the platform does it."""
        await self._queue.push(Job(scraper_name=SCRAPER, ticker=str(argument)))

    async def work(self) -> None:
        """One process, as `pregao worker` runs it."""
        processor = JobProcessor(self._slots, settings=self._settings, records=False)
        await processor.initialize()
        calm_collector()
        await processor.start()
        try:
            await processor.wait()
        finally:
            await asyncio.shield(processor.stop())

    async def unsettled(self) -> int:
        """Attempts under a lease."""
        return int(await self._redis.zcard(self._commands.keys.running))


CONTESTANT = Pregao
