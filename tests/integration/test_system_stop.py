"""How a system ends: asked, asked twice, killed; and what the next start finds."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis as redis_sync
from tests.running_system import ROOT, all_ended, system_up, unused_port, wait_until

from pregao.embedded.valkey import Valkey
from pregao.queue.keys import Keys

SCRAPERS = {"PREGAO_SCRAPERS": "tests.sample_scrapers:Echo", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_everything_within_the_grace(tmp_path: Path, number: signal.Signals) -> None:
    with system_up(tmp_path / "home", PREGAO_GRACE_SECONDS="20") as running:
        family = running.wait_until_up().family()

        running.signal(number)

        assert running.wait(20) == 0
        assert all_ended(family, 1)
        assert "everything is stopped" in running.output


def test_a_second_signal_does_not_wait_for_children_that_hang(tmp_path: Path) -> None:
    with system_up(tmp_path / "home", PREGAO_GRACE_SECONDS="600") as running:
        family = running.wait_until_up().family()
        running.child("worker").suspend()

        running.signal(signal.SIGTERM)
        running.wait_for("once more stops at once")
        running.signal(signal.SIGTERM)

        running.wait(20)
        assert all_ended(family, 5)


def test_a_child_that_hangs_is_killed_when_the_grace_is_over(tmp_path: Path) -> None:
    with system_up(tmp_path / "home", PREGAO_GRACE_SECONDS="2") as running:
        family = running.wait_until_up().family()
        running.child("worker").suspend()

        running.signal(signal.SIGTERM)

        assert running.wait(20) == 0
        assert "worker did not stop" in running.output
        assert all_ended(family, 5)


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_goes_on_where_it_was(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with system_up(home, **SCRAPERS) as running:
        family = running.wait_until_up().family()
        running.child("worker").suspend()
        created = running.api("POST", "/api/jobs/create", json={"scraper_name": "echo", "ticker": "PETR4"}).json()
        running.signal(signal.SIGKILL)
        running.wait()
        assert all_ended(family, 10)

    with system_up(home, **SCRAPERS) as again:
        again.wait_until_up()
        path = f"/api/jobs/{created['id']}"
        wait_until(lambda: again.api("GET", path).json().get("status") == "completed", 40, "the job is completed")


def test_engines_that_outlived_a_killed_supervisor_are_ended_by_the_next_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with system_up(home) as running:
        running.wait_until_up()
        engines = [running.child("valkey-server"), running.child("postgres")]
        for engine in engines:
            engine.suspend()
        running.signal(signal.SIGKILL)
        running.wait()

    with system_up(home) as again:
        again.wait_until_up()
        assert all_ended(engines, 1)


def test_nothing_is_left_when_it_is_stopped_while_it_starts(tmp_path: Path) -> None:
    with system_up(tmp_path / "home") as running:
        wait_until(lambda: running.find("valkey-server") is not None, 30, "the first engine runs")
        family = running.family()

        running.signal(signal.SIGTERM)

        running.wait(30)
        assert all_ended(family, 10)


def test_own_servers_are_used_and_no_engine_is_started(tmp_path: Path, redis_url: str, empty_database_url: str) -> None:
    own = {"REDIS_URL": redis_url, "DATABASE_URL": empty_database_url}
    with system_up(tmp_path / "home", **own) as running:
        running.wait_until_up()

        assert running.find("valkey-server") is None
        assert running.find("postgres") is None
        assert running.output.count("(yours)") == 2
        with redis_sync.Redis.from_url(redis_url) as client:
            wait_until(lambda: client.hlen(Keys().workers) >= 1, 10, "the worker works on that server")


def test_an_own_redis_that_evicts_jobs_is_refused(tmp_path: Path, valkey_server: Valkey) -> None:
    with redis_sync.Redis.from_url(valkey_server.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    with system_up(tmp_path / "home", REDIS_URL=valkey_server.url) as running:
        assert running.wait() == 1
        assert "maxmemory-policy is 'allkeys-lru'" in running.output


def test_an_own_redis_that_is_away_does_not_keep_the_rest_from_starting(tmp_path: Path) -> None:
    with system_up(tmp_path / "home", REDIS_HOST="127.0.0.1", REDIS_PORT=str(unused_port())) as running:
        running.wait_until_up()

        assert "for the embedded Valkey unset REDIS_URL" in running.output
        assert running.api("GET", "/api/jobs/health").status_code == 503


def test_the_contracts_own_way_shows_each_process_as_scheduler_py(tmp_path: Path) -> None:
    command = (sys.executable, str(ROOT / "scheduler.py"))
    with system_up(tmp_path / "home", command=command, PYTHONPATH="") as running:
        running.wait_until_up()

        def shown(role: str) -> bool:
            lines = [" ".join(process.cmdline()) for process in running.family() if process.is_running()]
            return any(line.endswith(f"scheduler.py {role}") for line in lines)

        for role in ("api", "scheduler", "worker", "recorder"):
            wait_until(lambda role=role: shown(role), 20, f"{role} being shown")  # type: ignore[misc]


def test_a_killed_make_takes_the_system_with_it(tmp_path: Path) -> None:
    shell = f'PREGAO_PARENT_PID=$PPID exec "{sys.executable}" -m pregao up'
    parent = f"import subprocess, sys; subprocess.run(['sh', '-c', {shell!r}])"
    with system_up(tmp_path / "home", command=(sys.executable, "-c", parent)) as running:
        family = running.wait_until_up().family()

        running.signal(signal.SIGKILL)

        assert all_ended(family, 20)


def test_an_idle_system_hardly_works(tmp_path: Path) -> None:
    with system_up(tmp_path / "home") as running:
        family = running.wait_until_up().family()
        _settle(family)
        before, begun = _cpu_seconds(family), time.monotonic()
        wait_until(lambda: time.monotonic() - begun > 10, 20, "ten seconds have gone by")

        share = (_cpu_seconds(family) - before) / (time.monotonic() - begun)

        assert share < 0.1, f"{share:.1%} of a core"


def _settle(family: list[psutil.Process]) -> None:
    """Wait until start-up work is over: less than a fifth of a core in one second."""

    def calm() -> bool:
        before = _cpu_seconds(family)
        end = time.monotonic() + 1
        wait_until(lambda: time.monotonic() > end, 5, "a second has gone by")
        return _cpu_seconds(family) - before < 0.2

    wait_until(calm, 30, "start-up is over")


def _cpu_seconds(family: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in family)
