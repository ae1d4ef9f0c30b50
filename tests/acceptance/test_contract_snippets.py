"""Every snippet of the contract works as it stands, against a system started in the contract's own way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.acceptance import contract_snippets as contract

from pregao.domain.clock import SystemClock
from pregao.scheduler.loader import load_schedules

ROOT = Path(__file__).resolve().parents[2]
CONTRACT_KEYS = [
    "id", "scraper_name", "ticker", "priority", "status", "created_at", "started_at", "completed_at", "result", "error",
    "retry_count", "max_retries", "metadata",
]  # fmt: skip


def isolation() -> tuple[list[str], str]:
    """A command prefix for a network of our own, with its name for the runner; none where the machine refuses."""
    for flags in (["--net"], ["--user", "--map-root-user", "--net"]):
        prefix = ["unshare", *flags]
        if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return prefix, "isolated"
    return [], "shared"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every snippet answered. The upstream is closed, so that jobs fail at once and honestly."""
    home = tmp_path_factory.mktemp("contract")
    shutil.copytree(ROOT / "config", home / "config")
    prefix, mode = isolation()
    environ = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PREGAO", "REDIS", "DB_", "DATABASE", "COLUMNS"))  # COLUMNS makes ps cut its lines
        },
        "PYTHONPATH": str(ROOT),
        "PREGAO_UPSTREAM_B3": "http://127.0.0.1:9",
        "PREGAO_UPSTREAM_BCB": "http://127.0.0.1:9",
        "no_proxy": "*",
    }
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "tests.acceptance.run_contract", str(ROOT), str(home), mode],
        capture_output=True, text=True, timeout=200, check=False, env=environ, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-6000:]
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


pytestmark = pytest.mark.timeout(300)


def test_a_job_is_created_with_the_contracts_fields(found: dict[str, Any]) -> None:
    created = found["create"]
    assert list(created)[: len(CONTRACT_KEYS)] == CONTRACT_KEYS
    assert (created["scraper_name"], created["ticker"], created["priority"]) == ("B3", "PETR4", "high")
    assert (created["status"], created["retry_count"], created["max_retries"]) == ("pending", 0, 3)


def test_the_job_is_run_and_its_failure_names_host_and_cause(found: dict[str, Any]) -> None:
    ended = found["ended"]
    assert (ended["status"], ended["retry_count"]) == ("failed", 3)
    assert "127.0.0.1:9" in ended["error"]


def test_a_job_is_read_cancelled_and_retried_by_id(found: dict[str, Any]) -> None:
    assert found["push"] is True
    assert (found["get"]["id"], found["get"]["scraper_name"]) == (contract.JOB_ID, "BCB")
    assert set(found["delete"]) >= {"message", "job_id", "status"}
    assert found["delete"]["status"] in ("cancelled", "running")
    assert found["retry"]["id"] != contract.JOB_ID
    assert found["retry"]["retried_from"] == contract.JOB_ID


def test_jobs_are_listed_and_filtered(found: dict[str, Any]) -> None:
    assert {"jobs", "total", "page", "page_size"} <= set(found["list"])
    ids = {job["id"] for job in found["list"]["jobs"]}
    assert {found["create"]["id"], contract.JOB_ID} <= ids
    assert {job["scraper_name"] for job in found["list by scraper"]["jobs"]} == {"B3"}
    assert {job["ticker"] for job in found["list by ticker"]["jobs"]} == {"PETR4"}
    assert found["list by page"]["page"] == 2
    assert all(job["status"] == "completed" for job in found["list by status"]["jobs"])


def test_queue_status_and_statistics_have_the_contracts_shape(found: dict[str, Any]) -> None:
    assert set(found["queue status"]) >= {"high", "normal", "low", "total"}
    summary = found["stats summary"]
    assert summary["total_jobs"] >= 1
    assert summary["failed_jobs"] >= 1
    assert found["stats by scraper"]["scrapers"][0].keys() >= {
        "scraper_name", "total_jobs", "successful_jobs", "failed_jobs", "success_rate", "avg_response_time_seconds",
    }  # fmt: skip


def test_a_subscriber_hears_of_the_job(found: dict[str, Any]) -> None:
    assert found["event"] == f"Job {found['create']['id']} pending\n"


def test_the_python_snippets_print_what_they_promise(found: dict[str, Any]) -> None:
    assert found["python queue"].startswith("High: ")
    lines = found["python schedules"].splitlines()
    assert len(lines) == 15
    assert all(": next run at " in line for line in lines)


def test_the_monitoring_queries_find_the_rows(found: dict[str, Any]) -> None:
    assert ["B3", "PETR4", "False"] in [row[:3] for row in found["recent"]]
    assert any(row[0] == "B3" for row in found["rate"])


def test_redis_answers_where_the_contract_looks_for_it(found: dict[str, Any]) -> None:
    assert found["redis-cli ping"] == "PONG"


def test_workers_are_visible_to_ps(found: dict[str, Any]) -> None:
    assert any("scheduler.py worker" in line for line in found["workers"].splitlines())


def test_the_custom_schedule_is_valid_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_text(contract.CUSTOM_SCHEDULE)
    loaded = load_schedules(path, resolve=None, clock=SystemClock())
    assert loaded.problems == []
    assert loaded.schedules["my_custom_schedule"].tickers == ("PETR4", "VALE3")


@pytest.mark.parametrize("kind", contract.TRIGGERS)
def test_the_trigger_examples_are_valid_in_a_schedule(tmp_path: Path, kind: str) -> None:
    trigger = YAML(typ="safe").load(contract.TRIGGERS[kind])
    path = tmp_path / "schedules.yaml"
    with path.open("w") as out:
        YAML().dump({"schedules": {"example": {"scraper": "B3", "tickers": ["PETR4"], **trigger}}}, out)
    loaded = load_schedules(path, resolve=None, clock=SystemClock())
    assert [p for p in loaded.problems if p.entry == "example"] == []
    assert "example" in loaded.schedules
