"""A worker in this process, for tests: settings with the sample scrapers, and questions about what became of jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.builders import eventually
from tests.sample_scrapers import ALL, Recorded

from pregao.domain.job import JobSpec, JobStatus
from pregao.queue.views import QueueViews
from pregao.settings import Settings
from pregao.worker.memory import MemoryReader, memory_use
from pregao.worker.processor import JobProcessor


class SettingsMaker:
    """Settings for the sample scrapers on the test's engines; each call may override variables."""

    def __init__(self, home: Path, **environ: str) -> None:
        self._home = home
        limits = home / "scrapers.yaml"
        home.mkdir(parents=True, exist_ok=True)
        limits.touch()
        self._environ = {
            "PREGAO_SCRAPERS": ALL,
            "PREGAO_SCRAPERS_FILE": str(limits),
            "PREGAO_MEMORY_HIGH_PERCENT": "0",
            **environ,
        }
        Recorded.calls.clear()
        Recorded.gate = asyncio.Event()
        Recorded.doors.clear()

    def __call__(self, **overrides: str) -> Settings:
        return Settings.load(None, environ={**self._environ, **overrides}, pregao_home=self._home)


@asynccontextmanager
async def working(
    settings: Settings, slots: int = 3, *, read_memory: MemoryReader = memory_use
) -> AsyncIterator[JobProcessor]:
    """A started worker without a recorder; at the end the gate and all doors are opened and it is stopped."""
    processor = JobProcessor(slots, settings=settings, records=False, read_memory=read_memory)
    await processor.start()
    try:
        yield processor
    finally:
        open_gate()
        for door in Recorded.doors.values():
            door.set()
        await processor.stop()


def open_gate() -> None:
    """Let the scrapers that wait go on."""
    assert Recorded.gate is not None
    Recorded.gate.set()


async def ended(views: QueueViews, job: JobSpec, status: JobStatus) -> dict[str, Any]:
    """Wait for a job's status; its document."""
    await eventually(lambda: views.status(job.id), lambda now: now is status, what=f"{job.ticker} becoming {status}")
    document = await views.document(job.id)
    assert document is not None
    return document


async def scrapes() -> list[Any]:
    """The arguments that were scraped so far."""
    return [argument for call, argument in Recorded.calls if call == "scrape"]


def has_length(length: int, seen: list[Any]) -> bool:
    """Whether that many are there."""
    return len(seen) == length
