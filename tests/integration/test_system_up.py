"""A running system, seen from outside."""

from __future__ import annotations

import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis as redis_sync
from tests.running_system import RunningSystem, all_ended, run_pregao, system_up, wait_until

from pregao.settings import RunFile


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    home = tmp_path_factory.mktemp("system") / "home"
    with system_up(home, PREGAO_SCRAPERS="tests.sample_scrapers:Echo", PYTHONPATH=f"{Path.cwd()}:src") as running:
        yield running.wait_until_up()


def test_it_tells_what_runs_where_what_fires_next_and_how_to_stop_it(system: RunningSystem) -> None:
    for shown in (
        f"http://127.0.0.1:{system.api_port}/docs",
        "1 schedule of",
        "3 slots and the recorder",
        "redis://127.0.0.1:",
        "postgresql://pregao@127.0.0.1:",
        str(system.home),
        "hourly_rates: BCB, 2 jobs",
        f"kill {system.pid}",
    ):
        assert shown in system.output
    assert system.output.count("hourly_rates: BCB") == 3


async def test_env_gives_urls_that_any_program_on_the_machine_can_use(system: RunningSystem) -> None:
    addresses = system.env()

    with redis_sync.Redis.from_url(addresses["REDIS_URL"]) as client:
        assert client.ping()
    connection = await asyncpg.connect(addresses["DATABASE_URL"])
    assert await connection.fetchval("SELECT count(*) FROM scraper_results") >= 0
    await connection.close()


async def test_postgres_refuses_a_wrong_password_over_the_network(system: RunningSystem) -> None:
    right = system.env()["DATABASE_URL"]
    wrong = right.replace(right.split(":")[2].split("@")[0], "guess")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


def test_passwords_are_in_files_of_the_owner_alone(system: RunningSystem) -> None:
    for path in (system.home, system.home / "run.json", system.home / "postgres.password"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_job_created_by_http_is_run_and_recorded(system: RunningSystem) -> None:
    created = system.api("POST", "/api/jobs/create", json={"scraper_name": "echo", "ticker": "PETR4"})
    assert created.status_code == 201, created.text
    path = f"/api/jobs/{created.json()['id']}"

    wait_until(lambda: system.api("GET", path).json()["status"] == "completed", 30, "the job is completed")


def test_a_second_system_in_the_same_home_is_refused_with_the_fix(system: RunningSystem) -> None:
    with system_up(system.home) as second:
        assert second.wait() == 1
        assert f"in use by process {system.pid}" in second.output
        assert "set PREGAO_HOME" in second.output


def test_a_taken_api_port_is_refused_with_the_fix(system: RunningSystem, tmp_path: Path) -> None:
    with system_up(tmp_path / "home", API_PORT=str(system.api_port)) as second:
        assert second.wait() == 2
        assert f"API_PORT: {system.api_port} is taken" in second.output
        assert f"API_PORT={system.api_port + 1}" in second.output
    assert not (tmp_path / "home").exists()


def test_a_taken_redis_or_postgres_port_is_evaded_and_said(system: RunningSystem, tmp_path: Path) -> None:
    with system_up(tmp_path / "home") as second:
        second.wait_until_up()
        mine, others = second.env(), system.env()
        assert mine["REDIS_URL"] != others["REDIS_URL"]
        assert mine["DATABASE_URL"].partition("@")[2] != others["DATABASE_URL"].partition("@")[2]
        assert "port 6379 is taken by another program" in second.output
        assert "port 5432 is taken by another program" in second.output


@pytest.mark.parametrize("role", ["api", "scheduler", "worker", "recorder"])
def test_a_killed_role_is_started_again(system: RunningSystem, role: str) -> None:
    before = system.child(role)

    before.kill()

    wait_until(lambda: _replaced(system, role, before), 30, f"{role} runs again")


def test_jobs_of_a_killed_worker_are_run_by_its_successor_long_before_their_leases_end(tmp_path: Path) -> None:
    scrapers = {"PREGAO_SCRAPERS": "tests.sample_scrapers:Sleeps", "PYTHONPATH": f"{Path.cwd()}:src"}
    with system_up(tmp_path / "home", PREGAO_LEASE_MS="3600000", **scrapers) as running:
        running.wait_until_up()
        created = running.api("POST", "/api/jobs/create", json={"scraper_name": "sleeps", "ticker": "3600"}).json()

        def attempt() -> tuple[str, int]:
            job = running.api("GET", f"/api/jobs/{created['id']}").json()
            return job["status"], job["attempt"]

        wait_until(lambda: attempt() == ("running", 1), 30, "the job runs")
        running.child("worker").kill()
        wait_until(lambda: attempt() == ("running", 2), 30, "the job runs again")


@pytest.mark.parametrize("engine", ["valkey-server", "postgres"])
def test_a_killed_engine_is_started_again_where_it_was(system: RunningSystem, engine: str) -> None:
    before, addresses = system.child(engine), system.env()

    before.kill()

    wait_until(lambda: _replaced(system, engine, before), 30, f"{engine} runs again")
    wait_until(lambda: _healthy(system), 30, "the API is healthy again")
    assert system.env() == addresses


def test_a_job_waiting_in_the_queue_survives_a_kill_of_valkey(system: RunningSystem) -> None:
    worker = system.child("worker")
    worker.suspend()
    created = system.api("POST", "/api/jobs/create", json={"scraper_name": "echo", "ticker": "VALE3"}).json()
    wait_until(lambda: _appended(system), 5, "the append-only file is written")
    before = system.child("valkey-server")

    before.kill()
    wait_until(lambda: _replaced(system, "valkey-server", before), 30, "back")
    worker.resume()

    path = f"/api/jobs/{created['id']}"
    wait_until(lambda: system.api("GET", path).json().get("status") == "completed", 40, "the job is completed")


def test_env_says_so_when_nothing_runs(tmp_path: Path) -> None:
    done = run_pregao("env", PREGAO_HOME=str(tmp_path))

    assert done.returncode == 1
    assert "no system is up" in done.stderr
    assert done.stdout == ""


def test_env_does_not_believe_a_run_file_that_a_killed_system_left(tmp_path: Path) -> None:
    (tmp_path / "owner.lock").touch()
    RunFile(pid=1, started_at="", redis_url="redis://gone", database_url="postgresql://gone").write(tmp_path)

    assert run_pregao("env", PREGAO_HOME=str(tmp_path)).returncode == 1


def test_bad_settings_are_all_named_at_once(tmp_path: Path) -> None:
    done = run_pregao("up", PREGAO_HOME=str(tmp_path), API_PORT="http", SCRAPER_CONCURRENT_JOBS="0")

    assert done.returncode == 2
    assert "API_PORT: 'http' is not allowed; use a whole number" in done.stderr
    assert "SCRAPER_CONCURRENT_JOBS: '0' is not allowed; use 1 or more" in done.stderr


def test_a_missing_schedule_file_is_refused_and_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    with system_up(tmp_path / "home", PREGAO_SCHEDULES=str(tmp_path / "none.yaml")) as running:
        assert running.wait() != 0
        assert "none.yaml" in running.output


def _replaced(system: RunningSystem, word: str, before: psutil.Process) -> bool:
    now = system.find(word)
    return now is not None and now.pid != before.pid


def _healthy(system: RunningSystem) -> bool:
    return system.api("GET", "/api/jobs/health").status_code == 200


def _appended(system: RunningSystem) -> bool:
    with redis_sync.Redis.from_url(system.env()["REDIS_URL"]) as client:
        return bool(client.execute_command("WAITAOF", 1, 0, 5000)[0])


def test_everything_of_the_system_ends_with_it(tmp_path: Path) -> None:
    with system_up(tmp_path / "home") as running:
        family = running.wait_until_up().family()
        running.signal(signal.SIGTERM)
        assert running.wait() == 0
        assert all_ended(family, 1)
        assert not (tmp_path / "home" / "run.json").exists()
