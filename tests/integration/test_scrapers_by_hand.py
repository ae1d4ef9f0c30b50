"""What holds for a scraper's jobs holds for its runs by hand: limits, changes made meanwhile, checks of results."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.foreign import directory
from tests.limiting import written
from tests.running_system import run_pregao

from pregao.settings import Settings

Pregao = Callable[..., subprocess.CompletedProcess[str]]

HOG = (
    "    async def scrape(self, ticker):\n        kept = b'x' * 300_000_000\n"
    "        import time\n        time.sleep(60)\n"
)
SPINNER = "    async def scrape(self, ticker):\n        while True:\n            pass\n"
BLOCKED = "    async def scrape(self, ticker):\n        return self.found({'name': '502 Bad Gateway'})\n"
STARTED = (
    "    async def initialize(self):\n        self.started = True\n"
    "    async def scrape(self, ticker):\n        return self.found({'started': getattr(self, 'started', False)})\n"
)
SLOW = "    async def scrape(self, ticker):\n        import asyncio\n        await asyncio.sleep(1000)\n"
LIMITS = """
scrapers:
  Hog: {memory_mb: 100}
  Spinner: {cpu_seconds: 1}
  Started: {initialize: never, canary: PETR4}
  Plain: {canary: PETR4}
  Checked: {result_checks: {required: [price], max_deviation: {price: 10}}, canary: PETR4}
  Lenient: {result_checks: {max_deviation: {price: 10}}}
"""


@pytest.fixture
def pregao(settings: Settings, tmp_path: Path) -> Pregao:
    scrapers = {
        "Hog": HOG, "Spinner": SPINNER, "Blocked": BLOCKED, "Started": STARTED, "Slow": SLOW,
        "Plain": "", "Checked": "", "Lenient": "",
    }  # fmt: skip
    variables = {
        "REDIS_URL": settings.resolve_redis_url(),
        "DATABASE_URL": settings.resolve_database_url(),
        "PREGAO_HOME": str(settings.pregao_home),
        "PREGAO_SCRAPERS_FILE": str(written(tmp_path, LIMITS)),
        "SCRAPERS_PATH": str(directory(tmp_path / "own", scrapers)),
    }

    def do(*arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        done = run_pregao("scrapers", *arguments, **(variables | environ))
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return do


def run(pregao: Pregao, name: str, code: int = 0, **environ: str) -> Any:
    return json.loads(pregao("run", name, "PETR4", "--json", code=code, **environ).stdout)


@pytest.mark.parametrize(("name", "said"), [("hog", "100 MB"), ("spinner", "CPU")])
def test_a_run_has_the_limits_of_its_scraper(pregao: Pregao, name: str, said: str) -> None:
    told = run(pregao, name, 1)

    assert told["error_class"] == "killed"
    assert said in told["error"]


def test_a_run_goes_by_the_initialize_of_its_limits(pregao: Pregao) -> None:
    assert run(pregao, "started")["data"] == {"started": False}


def test_changes_that_were_made_meanwhile_hold(pregao: Pregao) -> None:
    pregao("set", "slow", "timeout_seconds=1")
    pregao("set", "plain", "canary=VALE3")

    assert run(pregao, "slow", 1)["error"].startswith("timed out after 1 s")
    [row] = json.loads(pregao("check", "plain", "--json").stdout)["scrapers"]
    assert (row["argument"], row["outcome"]) == ("VALE3", "completed")


def test_a_check_leaves_out_what_is_disabled_and_says_who_did_it(pregao: Pregao) -> None:
    pregao("set", "plain", "enabled=false", "--by", "ana")

    done = pregao("check", "plain", "started")

    assert "note: not run: Plain is disabled by ana, " in done.stdout
    assert [line.split("│")[3].strip() for line in done.stdout.splitlines() if "Plain" in line and "│" in line] == [
        "disabled"
    ]
    assert "note: Plain is disabled by ana, " in pregao("run", "plain", "PETR4").stderr


def test_without_postgresql_the_file_holds_and_it_is_said(pregao: Pregao) -> None:
    pregao("set", "started", "initialize=always")
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}

    done = pregao("run", "started", "PETR4", **away)

    assert (
        done.stderr.count("note: changes made while the system runs are not known: PostgreSQL cannot be reached") == 1
    )
    assert run(pregao, "started", **away)["data"] == {"started": False}


def test_a_block_page_fails_a_run_and_a_check_as_it_fails_a_job(pregao: Pregao) -> None:
    pregao("set", "blocked", "canary=PETR4")

    told = run(pregao, "blocked", 1)
    [row] = json.loads(pregao("check", "blocked", "--json", code=1).stdout)["scrapers"]

    assert (told["success"], told["data"], told["error_class"]) == (False, None, "validation")
    assert "is a block page" in told["error"]
    assert (row["outcome"], row["error_class"]) == ("failed", "validation")


def test_a_field_that_is_required_is_missed_by_a_check(pregao: Pregao) -> None:
    [row] = json.loads(pregao("check", "checked", "--json", code=1).stdout)["scrapers"]

    assert (row["error_class"], row["error"]) == ("validation", "the result lacks price")


def test_without_postgresql_no_deviation_is_checked_and_the_result_says_so(pregao: Pregao) -> None:
    told = run(pregao, "lenient", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")

    assert told["success"] is True
    assert "the deviation from the last good value was not checked" in told["metadata"]["checks_skipped"][0]


def test_a_scraper_without_an_executor_of_its_own_runs_as_found(pregao: Pregao) -> None:
    (row,) = [line for line in pregao("show", "plain").stdout.splitlines() if "executor" in line and "built in" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["executor", "as found", "built in"]
