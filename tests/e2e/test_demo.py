"""`pregao demo` as a newcomer runs it: real engines, real HTTP, every scraper, faults and all."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.running_system import RunningSystem, all_ended, run_pregao, system_up, wait_until

from pregao.scrapers.registry import Registry
from pregao.settings import Settings

DEMO = (sys.executable, "-m", "pregao", "demo", "--seed", "3")
FIRST_MINUTE_SECONDS = 60.0
RETRIES_SECONDS = 30.0
NOT_THERE = "VIIA3"

DONE = "SELECT count(DISTINCT scraper_name) FROM scraper_results WHERE success"
STRANGE_FAILURES = "SELECT scraper_name, ticker, error FROM jobs WHERE status = 'failed' AND ticker IS DISTINCT FROM $1"
FAULTS = "SELECT DISTINCT job_id FROM job_attempts WHERE outcome = 'failed' AND error_class <> 'not_found'"
UNFINISHED = "SELECT count(*) FROM jobs WHERE job_id = ANY($1) AND status <> 'completed'"
UNMARKED = "SELECT count(*) FROM scraper_results WHERE metadata -> 'sample' IS DISTINCT FROM 'true'"
NOT_FOUND = "SELECT DISTINCT error_class FROM scraper_results WHERE ticker = $1"


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_demo_runs_every_scraper_within_a_minute_and_loses_no_job(tmp_path: Path) -> None:
    began = time.monotonic()
    with system_up(tmp_path / "demo", command=DEMO, OPENAI_API_KEY="real-key") as demo:
        demo.wait_until_up()
        connection = await asyncpg.connect(demo.env()["DATABASE_URL"])
        scrapers = Registry.load(Settings.load(None, environ={})).names()

        await until(connection, DONE, len(scrapers), began + FIRST_MINUTE_SECONDS)
        faulty = [row["job_id"] for row in await connection.fetch(FAULTS)]

        assert len(scrapers) == 14
        assert len(faulty) >= 3
        await until(connection, UNFINISHED, 0, time.monotonic() + RETRIES_SECONDS, faulty)
        assert await connection.fetch(STRANGE_FAILURES, NOT_THERE) == []
        assert await connection.fetchval(UNMARKED) == 0
        assert [row["error_class"] for row in await connection.fetch(NOT_FOUND, NOT_THERE)] == ["not_found"]
        everybody_shows_it(demo, scrapers)
        it_says_that_all_is_a_sample(demo)
        the_sample_server_is_started_again_where_it_was(demo)
        await connection.close()
        it_leaves_nothing_behind(demo)


async def until(connection: asyncpg.Connection, question: str, wanted: int, deadline: float, *given: Any) -> None:
    """Ask until the answer is `wanted`."""
    while (found := await connection.fetchval(question, *given)) != wanted:
        assert time.monotonic() < deadline, f"{question} is {found}, not {wanted}"
        await connection.execute("SELECT pg_sleep(0.2)")


def everybody_shows_it(demo: RunningSystem, scrapers: list[str]) -> None:
    """The API, and the command line in another terminal, which is told no more than the home."""
    listed = json.loads(run_pregao("jobs", "list", "--json", "--page-size", "100", PREGAO_HOME=str(demo.home)).stdout)
    by_scraper = demo.api("GET", "/api/jobs/stats/by-scraper").json()["scrapers"]
    schedules = json.loads(run_pregao("schedules", "list", "--json", PREGAO_HOME=str(demo.home)).stdout)

    assert listed["total"] >= len(listed["jobs"]) >= 50
    assert {entry["scraper_name"] for entry in by_scraper if entry["successful_jobs"]} == set(scrapers)
    assert {entry["state"] for entry in schedules["schedules"]} == {"scheduled"}
    assert demo.api("GET", "/api/jobs/list", params={"status": "completed"}).json()["total"] >= 50


def it_says_that_all_is_a_sample(demo: RunningSystem) -> None:
    """In the log, the banner, the health report and the queue's status; and no real key gets anywhere."""
    logged = [line for line in demo.output.splitlines() if re.match(r"(SAMPLE DATA )?\d{4}-\d\d-\d\d ", line)]

    assert len(logged) > 50
    assert all(line.startswith("SAMPLE DATA ") for line in logged)
    assert "is up with SAMPLE DATA" in demo.output
    assert demo.api("GET", "/api/jobs/health").json()["sample"] is True
    assert demo.api("GET", "/api/jobs/queue/status").json()["sample"] is True
    assert "SAMPLE DATA" in run_pregao("queue", "status", PREGAO_HOME=str(demo.home)).stdout
    assert "real-key" not in demo.output


def the_sample_server_is_started_again_where_it_was(demo: RunningSystem) -> None:
    """Sources that die come back, at the address that everybody knows."""
    origin = demo.wait_for(r"sources +(http://127\.0\.0\.1:\d+)")[1]
    before = demo.child("sample-market")

    before.kill()

    def replaced() -> bool:
        now = demo.find("sample-market")
        return now is not None and now.pid != before.pid

    wait_until(replaced, 30, "the sample server runs again")
    assert httpx.get(f"{origin}/valor/rss/valor/", timeout=30).status_code == 200


def it_leaves_nothing_behind(demo: RunningSystem) -> None:
    """It stops when it is asked to, and so does everything that it started."""
    family = demo.family()

    demo.signal(signal.SIGTERM)

    assert demo.wait(40) == 0
    assert all_ended(family, 2)
    assert "everything is stopped" in demo.output


def test_a_demo_refuses_the_home_of_a_real_system(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "postgres").mkdir(parents=True)
    with system_up(home, command=(*DEMO, "--fresh")) as refused:
        assert refused.wait() == 2
        assert "holds data that are no demo's" in refused.output
    assert (home / "postgres").is_dir()
