"""Two to four schedulers, some with a clock that is an hour off, killed at random: each occurrence fires once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from tests.builders import eventually
from tests.chaos.fleet import ROOT
from tests.chaos.long.system import System

from pregao.embedded.parent import as_parent

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

HOUR = 3600
SCHEDULES = """
schedules:
  busy: {scraper: Witness, type: interval, seconds: 1, tickers: [A, B]}
"""
LIFE_SECONDS = 30.0


class Schedulers:
    """Between two and four processes that fire the same file. They start one at a time, in the order of `shifts`."""

    def __init__(self, system: System, home: Path) -> None:
        home.mkdir()
        (home / "schedules.yaml").write_text(SCHEDULES)
        self._system = system
        self._home = home
        self._environ = {
            **os.environ,
            **as_parent(),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            "PREGAO_HOME": str(home),
            "PREGAO_SCHEDULES": str(home / "schedules.yaml"),
            "PREGAO_SCRAPERS": "tests.chaos.long.witness:Witness",
            "REDIS_URL": system.valkey.private_url,
            "DATABASE_URL": system.database_url,
        }
        self.live: list[subprocess.Popen[bytes]] = []

    def start(self, shift_seconds: int) -> None:
        log = (self._home / "schedulers.log").open("ab")
        command = [sys.executable, "-m", "tests.chaos.long.shifted_scheduler", str(shift_seconds)]
        self.live.append(subprocess.Popen(command, env=self._environ, cwd=self._home, stdout=log, stderr=log))
        log.close()

    def kill(self) -> None:
        victim = self.live.pop(self._system.chance.randrange(len(self.live)))
        victim.kill()
        victim.wait()
        self._system.entry.fault("scheduler kill -9")

    def stop(self) -> None:
        while self.live:
            process = self.live.pop()
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    "shifts",
    [(0, 0), (0, HOUR), (0, -HOUR), (-HOUR, HOUR, 0, 0), (HOUR, 0)],
    ids=["right", "one ahead", "one behind", "four", "the first one ahead"],
)
async def test_every_occurrence_fires_once(system: System, tmp_path: Path, shifts: tuple[int, ...]) -> None:
    schedulers = Schedulers(system, tmp_path / "schedulers")
    for shift in shifts:
        if shift:
            system.entry.fault(f"clock {shift / HOUR:+.0f} h")
    system.fleet.start("recorder")
    began = datetime.now(UTC)
    try:
        schedulers.start(shifts[0])
        await eventually(system.commands.fired_marks, seconds=30, what="the first scheduler at work")
        for shift in shifts[1:]:
            schedulers.start(shift)
        until = asyncio.get_running_loop().time() + LIFE_SECONDS * min(1.0, system.scaled(100) / 50)
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(system.chance.uniform(0.5, 3))
            if len(schedulers.live) > 2 or system.chance.random() < 0.5:
                schedulers.kill()
            if len(schedulers.live) < 4:
                schedulers.start(system.chance.choice(shifts))
        schedulers.start(0)
        ended = datetime.now(UTC)

        async def marked() -> datetime | None:
            return (await system.commands.fired_marks()).get("busy")

        await eventually(
            marked, lambda mark: mark is not None and mark >= ended, seconds=30, what="the last occurrence"
        )
    finally:
        schedulers.stop()
    await eventually(system.views.outbox, lambda outbox: not outbox.entries, seconds=30, what="recording")
    await check_firings(system, began, ended)


async def check_firings(system: System, began: datetime, ended: datetime) -> None:
    """By the rows: no second is missing or there twice, none was given up, each has its two jobs once."""
    rows = await system.rows("SELECT fire_time, outcome, job_ids FROM schedule_executions ORDER BY fire_time")
    jobs = await system.rows("SELECT job_id::text AS id, fire_time FROM jobs")
    system.entry.jobs = len(jobs)
    times = [row["fire_time"] for row in rows]
    assert times, "nothing fired"
    assert times[0] <= began + timedelta(seconds=20), "the first occurrences are missing"
    assert times[-1] >= ended - timedelta(seconds=1)
    assert all(later - earlier == timedelta(seconds=1) for earlier, later in pairwise(times)), "one missing or double"
    assert Counter(row["outcome"] for row in rows).keys() <= {"fired", "late"}, Counter(row["outcome"] for row in rows)
    of_firings = Counter(job_id for row in rows for job_id in orjson.loads(row["job_ids"]))
    assert Counter(row["id"] for row in jobs) == of_firings
    assert len(jobs) == 2 * len(rows)
