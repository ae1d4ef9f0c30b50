"""Real scheduler processes, killed at any moment: every occurrence still fires once."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis.asyncio as redis_asyncio

from pregao.queue.commands import QueueCommands
from pregao.queue.facts import FiringFact, JobFact, decode_entry
from pregao.queue.keys import Keys

SCHEDULES = """
schedules:
  busy: {scraper: BCB, type: interval, seconds: 1, catch_up: all, tickers: [SELIC, IPCA, USD]}
"""
KILLS = 6
DEADLINE_SECONDS = 60


@asynccontextmanager
async def schedulers(environment: dict[str, str], count: int) -> AsyncIterator[list[Process]]:
    """That many `pregao scheduler` processes, all gone at the end."""
    running = [await spawn(environment) for _ in range(count)]
    try:
        yield running
    finally:
        for process in running:
            await kill(process)


async def spawn(environment: dict[str, str]) -> Process:
    code = "from pregao.cli.main import run; run(['scheduler'])"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env=environment, stdout=DEVNULL, stderr=DEVNULL
    )


async def kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def handled_until(commands: QueueCommands, moment: datetime) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            mark = (await commands.fired_marks()).get("busy")
            if mark is not None and mark >= moment:
                return
            await asyncio.sleep(0.1)


@pytest.mark.chaos
async def test_processes_killed_at_any_moment_lose_and_repeat_no_occurrence(
    redis: redis_asyncio.Redis, redis_url: str, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_text(SCHEDULES)
    environment = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "PREGAO_HOME": str(tmp_path / "home"),
        "PREGAO_SCHEDULES": str(path),
    }
    chance, commands = random.Random(20261123), QueueCommands(redis)
    async with schedulers(environment, 2) as running:
        await handled_until(commands, datetime.now(UTC))
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.1, 1.1))
            victim = running.pop(chance.randrange(2))
            await kill(victim)
            running.append(await spawn(environment))
        await handled_until(commands, datetime.now(UTC))
    entries = [decode_entry(entry, fields) for entry, fields in await redis.xrange(Keys().outbox)]
    firings = [fact.firing for fact in entries if isinstance(fact, FiringFact)]
    times = [firing.fire_time for firing in firings]
    assert times == [times[0] + timedelta(seconds=number) for number in range(len(times))]
    assert {firing.outcome for firing in firings} <= {"fired", "late"}
    jobs = Counter(fact.job_id for fact in entries if isinstance(fact, JobFact))
    assert jobs == Counter(job_id for firing in firings for job_id in firing.job_ids)
    assert len(jobs) == 3 * len(firings)
