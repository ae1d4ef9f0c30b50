"""`pregao doctor` on what is in PREGAO_HOME, sound and not."""

from __future__ import annotations

import json
import os
import pwd
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from tests.diagnosis import SOUND_SCHEDULES, Diagnosis
from tests.running_system import all_ended, run_pregao, system_up, wait_until

from pregao.doctor.finding import Finding
from pregao.doctor.home import look_at_home
from pregao.embedded.home import Home, socket_directory
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.settings import RunFile, Settings

SUBJECT = "home"


async def look(home: Path) -> Diagnosis:
    settings = Settings.load(None, environ={}, pregao_home=home)
    return Diagnosis([finding async for finding in look_at_home(settings)])


def a_run_file(home: Path) -> None:
    home.mkdir(exist_ok=True)
    RunFile(pid=1, started_at="2026-01-05T10:00:00-03:00", redis_url="redis://x", database_url="postgresql://x").write(
        home
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a home would be; nothing is there yet."""
    return tmp_path / "home"


@pytest.fixture
def empty_home(home: Path) -> Path:
    home.mkdir()
    return home


@pytest.fixture
def file_in_place_of_a_home(home: Path) -> Path:
    home.write_text("")
    return home


@pytest.fixture
def closed_home() -> Iterator[Path]:
    """A directory that only its owner may change; others may not even enter the ones that pytest makes."""
    with tempfile.TemporaryDirectory(prefix="pregao-doctor-") as directory:
        yield Path(directory)


@contextmanager
def closed(home: Path, mode: int) -> Iterator[None]:
    """A directory of that mode, and nobody's rights, also when the tests run as root."""
    home.chmod(mode)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        home.chmod(0o700)


async def test_a_home_that_does_not_exist_yet_is_well(home: Path) -> None:
    seen = await look(home / "deeper")
    assert seen.the(SUBJECT, "ok", "`pregao up` makes it")
    assert seen.wrong() == []


async def test_a_home_that_nobody_uses_is_well(empty_home: Path) -> None:
    seen = await look(empty_home)
    assert seen.the(SUBJECT, "ok", "nothing is left over")
    assert seen.states("home disk") == ["ok"]


async def test_a_home_in_use_says_by_whom(home: Path) -> None:
    with Home(home):
        a_run_file(home)
        assert (await look(home)).the(SUBJECT, "ok", "as process 1, since 2026-01-05")


async def test_a_home_in_use_whose_run_file_is_broken_is_a_warning(home: Path) -> None:
    with Home(home):
        (home / "run.json").write_text("{")
        assert (await look(home)).the(SUBJECT, "warning", "run.json cannot be read")


async def test_a_home_that_is_a_file_is_an_error(file_in_place_of_a_home: Path) -> None:
    assert (await look(file_in_place_of_a_home)).the(SUBJECT, "error", "Not a directory")
    assert (await look(file_in_place_of_a_home / "below")).the(SUBJECT, "error", "Not a directory")


async def test_a_home_that_may_not_be_read_is_an_error(closed_home: Path) -> None:
    with closed(closed_home, 0o000):
        assert (await look(closed_home)).the(SUBJECT, "error", "Permission denied")
        assert (await look(closed_home / "below")).the(SUBJECT, "error", "Permission denied")


async def test_a_home_that_may_not_be_written_is_an_error(closed_home: Path) -> None:
    with closed(closed_home, 0o555):
        assert (await look(closed_home)).the(SUBJECT, "error", "cannot be written")


async def test_a_run_file_that_was_left_behind_is_a_warning(home: Path) -> None:
    a_run_file(home)
    finding = (await look(home)).the(SUBJECT, "warning", "run.json is left over")
    assert finding.cure.endswith(f"rm {home / 'run.json'}")


async def test_an_abandoned_valkey_is_an_error_for_as_long_as_it_runs(home: Path) -> None:
    server = Valkey(home / "valkey", socket_directory(home), home / "logs" / "valkey.log", port=0)
    server.start()
    try:
        finding = (await look(home)).the(SUBJECT, "error", f"process {server.process.pid}")
        assert "though no `pregao up` does" in finding.detail
        assert f"kill {server.process.pid}" in finding.cure
    finally:
        server.kill()
    assert (await look(home)).wrong() == []


async def test_an_abandoned_postgresql_is_one_error_and_its_pid_file_is_left(home: Path) -> None:
    server = Postgres(home / "postgres", socket_directory(home), home / "logs" / "postgres.log", port=0, durable=False)
    server.start()
    pid = server.process.pid
    assert pid is not None
    children = psutil.Process(pid).children(recursive=True)
    assert children, "it has processes of its own, which are not told of"
    try:
        assert [one.state for one in (await look(home)).of(SUBJECT)] == ["error"]
        assert (await look(home)).the(SUBJECT, "error", f"process {pid}")
    finally:
        server.kill()
    assert all_ended(children, 10)
    assert (await look(home)).the(SUBJECT, "warning", "postmaster.pid is left over")


def doctor(home: Path, **variables: str) -> Diagnosis:
    done = run_pregao("doctor", "--json", PREGAO_HOME=str(home), **variables)
    seen = Diagnosis([Finding(**found) for found in json.loads(done.stdout)])
    assert (done.returncode, done.stderr) == (int("error" in {one.state for one in seen.findings}), "")
    return seen


@pytest.mark.slow
def test_a_system_that_is_up_is_well_and_one_that_was_killed_is_told(home: Path) -> None:
    schedules = home.parent / "schedules.yaml"
    schedules.write_text(SOUND_SCHEDULES)
    variables = {"PREGAO_SCHEDULES": str(schedules), "XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"]}
    with system_up(home, **variables) as running:
        running.wait_until_up()
        running.child("valkey-server")
        health = "/api/jobs/health"
        wait_until(lambda: running.api("GET", health).json()["status"] == "healthy", 30, "everybody beats")
        seen = doctor(home, **variables)
        assert seen.wrong() == []
        assert seen.the("Redis", "ok", "embedded")
        assert seen.the("PostgreSQL", "ok", "embedded")
        assert (seen.states("workers"), seen.states("schedulers")) == (["ok"], ["ok"])
        family = running.family()
        running.signal(signal.SIGKILL)
        assert all_ended(family, 30)
    assert doctor(home, **variables).the(SUBJECT, "warning", "run.json is left over")
