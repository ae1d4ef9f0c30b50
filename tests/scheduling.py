"""Schedules, and what became of them on a real queue, for tests of schedulers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis.asyncio as redis_asyncio

from pregao.domain.schedule import Every, Schedule
from pregao.queue.facts import Firing, FiringFact, JobFact, decode_entry
from pregao.queue.keys import Keys
from pregao.scheduler.loader import ScheduleFile

START = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
TICKERS = ("PETR4", "VALE3")


class Killed(BaseException):
    """The process died here."""


class MortalScripts:
    """Scripts of a process that dies before or after its n-th call of a script that makes jobs."""

    def __init__(self, scripts: Any, calls: int, *, after: bool) -> None:
        self._scripts, self._left, self._after = scripts, calls, after

    async def call(self, name: str, *arguments: Any) -> Any:
        self._left -= name in ("fire", "run", "resume")
        if self._left == 0 and not self._after:
            raise Killed
        answer = await self._scripts.call(name, *arguments)
        if self._left == 0:
            raise Killed
        return answer


def minutely(name: str = "news", **options: Any) -> Schedule:
    return Schedule(name=name, scraper="Valor", rule=Every(60), **{"tickers": TICKERS, **options})


def file_of(*schedules: Schedule, without_scraper: bool = False) -> ScheduleFile:
    by_name = {schedule.name: schedule for schedule in schedules}
    scrapers = {} if without_scraper else dict.fromkeys(by_name, "Valor Econômico")
    return ScheduleFile(Path("a.yaml"), by_name, scrapers, [], [])


async def facts(redis: redis_asyncio.Redis) -> tuple[list[Firing], list[JobFact]]:
    entries = [decode_entry(entry, fields) for entry, fields in await redis.xrange(Keys().outbox)]
    return (
        [fact.firing for fact in entries if isinstance(fact, FiringFact)],
        [fact for fact in entries if isinstance(fact, JobFact)],
    )


async def outcomes(redis: redis_asyncio.Redis) -> list[tuple[str, str]]:
    return [(firing.fire_time.strftime("%H:%M"), firing.outcome) for firing in (await facts(redis))[0]]


def retries_of(_scraper: str) -> int:
    """Retries of a job whose schedule says nothing about them."""
    return 3
