"""The main job, end to end: one system, a recorded upstream, jobs by HTTP and by schedule, death and return."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from tests.acceptance import contract_snippets as contract
from tests.running_system import ROOT, RunningSystem, all_ended, environment, kill, system_up, wait_until
from tests.samples import answers, cotahist
from tests.upstream import Upstream

from pregao.domain.calendar import last_closed_session
from pregao.domain.clock import MARKET_ZONE

pytestmark = pytest.mark.timeout(300)

SELIC = "14.75"


@dataclass
class Market:
    """A running system, the recorded upstream behind it, and the schedule file that it watches."""

    system: RunningSystem
    upstream: Upstream
    schedules: Path
    variables: dict[str, str]

    def create(self, **body: Any) -> dict[str, Any]:
        answer = self.system.api("POST", "/api/jobs/create", json=body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.system.api("GET", f"/api/jobs/{job_id}").json()
        return found

    def completed(self, job_id: str) -> dict[str, Any]:
        wait_until(lambda: self.job(job_id)["status"] in ("completed", "failed"), 60, f"job {job_id} ending")
        return self.job(job_id)

    async def rows(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.system.env()["DATABASE_URL"])
        try:
            found: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return found
        finally:
            await connection.close()

    def recorded(self, job_id: str) -> None:
        wait_until(lambda: self.recorder_is_idle(), 30, f"job {job_id} being recorded")

    def recorder_is_idle(self) -> bool:
        health = self.system.api("GET", "/api/jobs/health").json()
        return bool(health["components"]["recorder"]["entries"] == 0)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    base = tmp_path_factory.mktemp("market")
    schedules = base / "schedules.yaml"
    schedules.write_text(
        "schedules:\n  yearly:\n    {type: cron, scraper: BCB, month: 1, day: 1, hour: 3, tickers: [USD]}\n"
    )
    with Upstream() as upstream:
        recorded_upstream(upstream)
        variables = {
            "PREGAO_UPSTREAM_BCB": upstream.url,
            "PREGAO_UPSTREAM_B3": upstream.url,
            "PREGAO_SCHEDULES": str(schedules),
            "PREGAO_LEASE_MS": "3000",
        }
        with system_up(base / "home", **variables) as system:
            yield Market(system.wait_until_up(), upstream, schedules, variables)


def one_schedule(name: str, fields: str, tickers: str) -> str:
    return f"schedules:\n  {name}: {{type: cron, scraper: BCB, {fields}, tickers: [{tickers}]}}\n"


def recorded_upstream(upstream: Upstream) -> None:
    """Answers in the sources' formats: SELIC, the dollar, the last session's COTAHIST and a live quote beside it."""
    now = datetime.now(MARKET_ZONE)
    upstream.answer("/dados/serie/bcdata.sgs.432/dados", answers.sgs_days(now.date(), "15.00", SELIC))
    upstream.answer("/dados/serie/bcdata.sgs.1/dados", answers.sgs_days(now.date(), "5.4321"))
    day = last_closed_session(now).day
    upstream.answer(
        f"/InstDados/SerHist/COTAHIST_D{day:%d%m%Y}.ZIP",
        cotahist.archive(day, cotahist.record("PETR4", day, close=3010)),
    )
    upstream.answer("/mds/api/v1/instrumentQuotation/PETR4", answers.quote("PETR4", now, price=30.1))


async def test_jobs_created_by_curl_complete_and_are_read_with_the_contracts_query(market: Market) -> None:
    selic = market.create(scraper_name="bcb", ticker="selic", priority="high")
    petr4 = market.create(scraper_name="B3", ticker="PETR4")

    done = market.completed(selic["id"])
    assert done["status"] == "completed", done["error"]
    assert done["result"]["value"] == float(SELIC)
    done = market.completed(petr4["id"])
    assert done["status"] == "completed", done["error"]
    assert 30.1 in done["result"].values()
    assert done["result"]["as_of"]

    market.recorded(petr4["id"])
    rows = [list(row.values())[:3] for row in await market.rows(contract.RECENT_EXECUTIONS)]
    assert ["BCB", "selic", True] in rows
    assert ["B3", "PETR4", True] in rows
    assert all(row["response_time"] > 0 for row in await market.rows(contract.RECENT_EXECUTIONS))


async def test_a_schedule_that_is_added_while_it_runs_fires_by_itself_and_once_with_two_schedulers(
    market: Market, tmp_path: Path
) -> None:
    second = subprocess.Popen(
        [sys.executable, "-m", "pregao", "scheduler"],
        cwd=ROOT,
        env=environment(market.system.home, **market.variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        due = datetime.now(MARKET_ZONE) + timedelta(seconds=8)
        at = f"hour: {due.hour}, minute: {due.minute}, second: {due.second}"
        market.schedules.write_text(one_schedule("soon", at, "USD, SELIC"))

        def fired() -> bool:
            jobs = market.system.api("GET", "/api/jobs/list?scraper_name=BCB&ticker=USD&status=completed").json()
            return bool(jobs["total"])

        wait_until(fired, 60, "the schedule firing")
        market.recorded("of the schedule")
        executions = await market.rows("SELECT * FROM schedule_executions WHERE schedule_name = 'soon'")
        assert len(executions) == 1
        assert executions[0]["fire_time"] == due.replace(microsecond=0).astimezone(UTC)
        job_ids = json.loads(executions[0]["job_ids"])
        jobs = await market.rows("SELECT job_id::text, ticker FROM jobs WHERE schedule_name = 'soon'")
        assert sorted(job_ids) == sorted(row["job_id"] for row in jobs)
        assert sorted(row["ticker"] for row in jobs) == ["SELIC", "USD"]
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0


async def test_it_goes_on_where_it_was_after_everything_is_killed(market: Market) -> None:
    market.upstream.hold("/dados/serie/bcdata.sgs.433/dados")
    running = market.create(scraper_name="BCB", ticker="IPCA")
    wait_until(lambda: market.job(running["id"])["status"] == "running", 30, "the job running")
    waiting = [market.create(scraper_name="BCB", ticker="IPCA", priority="low") for _ in range(5)]
    family = market.system.family()
    for process in family:
        kill(process)
    assert all_ended(family, 20)
    market.system.wait()
    market.upstream.let_go()
    market.upstream.answer("/dados/serie/bcdata.sgs.433/dados", answers.sgs_months(datetime.now(UTC).year, 1, "0.42"))

    with system_up(market.system.home, **market.variables) as again:
        again.wait_until_up()
        revived = Market(again, market.upstream, market.schedules, market.variables)
        for job in [running, *waiting]:
            done = revived.completed(job["id"])
            assert done["status"] == "completed", done["error"]
        assert revived.job(running["id"])["attempt"] == 2, "the attempt that was killed is counted and run again"
        assert revived.job(running["id"])["retry_count"] == 0
        revived.recorded("after the return")
        rows = await revived.rows(
            "SELECT job_id::text FROM scraper_results WHERE job_id = ANY($1::uuid[])",
            [job["id"] for job in [running, *waiting]],
        )
        assert len(rows) == 6
        family = again.family()
        os.kill(again.pid, signal.SIGTERM)
        assert again.wait() == 0
        assert all_ended(family, 20)
    assert not [p for p in psutil.process_iter(["cwd"]) if str(market.system.home) in str(p.info["cwd"])]
