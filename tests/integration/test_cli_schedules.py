"""`pregao schedules run`: what a terminal and a script get, and the exit codes."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pregao.cli.main import run
from pregao.queue.connection import open_redis
from pregao.queue.views import QueueViews
from pregao.settings import Settings

FILE = """
schedules:
  rates: {scraper: bcb, type: cron, hour: 10, tickers: [SELIC, IPCA], priority: high, enabled: false}
  lost: {scraper: Nobody, type: interval, hours: 1}
"""


class Shell:
    """Runs `pregao …` in this process and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
        self._capsys, self._settings = capsys, settings
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """The exit code."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run(["schedules", "run", *arguments])
        self.out, self.err = self._capsys.readouterr()
        return int(ended.value.code or 0)

    def json(self, *arguments: str) -> Any:
        """What `--json` prints."""
        assert self(*arguments, "--json") == 0, self.err
        return json.loads(self.out)

    def waiting(self) -> int:
        """Jobs in the queues."""
        return asyncio.run(self._ask(lambda views: views.lengths())).total

    async def _ask(self, question: Callable[[QueueViews], Awaitable[Any]]) -> Any:
        redis = open_redis(self._settings.resolve_redis_url())
        try:
            return await question(QueueViews(redis))
        finally:
            await redis.aclose()


@pytest.fixture
def schedules_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Shell:
    path = tmp_path / "schedules.yaml"
    path.write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", settings.resolve_redis_url())
    monkeypatch.setenv("DATABASE_URL", settings.resolve_database_url())
    monkeypatch.setenv("PREGAO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREGAO_SCHEDULES", str(path))
    return Shell(capsys, settings)


def test_a_schedule_is_run_and_says_how_many_jobs_it_made(schedules_run: Shell) -> None:
    assert schedules_run("rates") == 0
    assert schedules_run.out.startswith("schedule rates was run: 2 jobs of BCB, run ")
    assert schedules_run.waiting() == 2


def test_json_prints_the_api_s_document_with_who_asked(schedules_run: Shell) -> None:
    made = schedules_run.json("rates")
    assert (made["outcome"], made["tickers"], len(made["job_ids"])) == ("manual", ["SELIC", "IPCA"], 2)
    assert made["requested_by"] == getpass.getuser()
    assert schedules_run.json("rates", "--by", "ana")["requested_by"] == "ana"


def test_with_a_key_it_is_safe_to_repeat(schedules_run: Shell) -> None:
    first = schedules_run.json("rates", "--idempotency-key", "close-of-day")
    assert schedules_run.json("rates", "--idempotency-key", "close-of-day") == first
    assert schedules_run("rates", "--idempotency-key", "close-of-day") == 0
    assert "schedule rates was run under this key at" in schedules_run.out
    assert schedules_run.waiting() == 2


def test_an_unknown_schedule_exits_1_with_the_one_that_was_meant(schedules_run: Shell) -> None:
    assert schedules_run("rate") == 1
    assert "no schedule 'rate' is loaded; did you mean rates?" in schedules_run.err


def test_a_schedule_without_its_scraper_exits_1_with_the_reason(schedules_run: Shell) -> None:
    assert schedules_run("lost") == 1
    assert "schedule lost: its scraper 'Nobody' is not installed" in schedules_run.err
    assert schedules_run.waiting() == 0


@pytest.mark.parametrize("arguments", [("--idempotency-key", ""), ("--by", ""), ("--by", "x" * 201)])
def test_bad_options_exit_2_and_name_what_is_wrong(schedules_run: Shell, arguments: tuple[str, str]) -> None:
    assert schedules_run("rates", *arguments) == 2
    assert ("requested_by" if arguments[0] == "--by" else "Idempotency-Key") in schedules_run.err
    assert schedules_run.waiting() == 0
