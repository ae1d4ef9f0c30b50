"""The embedded engines: owned, found again after a crash, never orphaned, whoever starts them and wherever."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import psutil
import pytest
import redis as redis_sync
from tests.running_system import ROOT, all_ended, wait_until

from pregao.domain.errors import EngineError
from pregao.embedded.binaries import postgres_binaries, wheel_binaries
from pregao.embedded.home import SOCKET_DIR_LIMIT, Home, free_port, socket_directory
from pregao.embedded.postgres import Postgres
from pregao.embedded.supervise import launcher
from pregao.embedded.valkey import Valkey

START_BOTH = """
import sys, time
from pathlib import Path
from pregao.embedded.home import Home
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey

with Home(Path(sys.argv[1])) as home:
    valkey = Valkey(home.path / "valkey", home.sockets(), home.logs / "valkey.log", port=0)
    postgres = Postgres(home.path / "postgres", home.sockets(), home.logs / "postgres.log", port=0, durable=False)
    for engine in (valkey, postgres):
        engine.start()
    print(valkey.process.pid, postgres.process.pid, valkey.url, flush=True)
    time.sleep(600)
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user")


class Both(NamedTuple):
    """The engines of a supervisor of their own: its process, theirs, and a URL."""

    supervisor: subprocess.Popen[str]
    engines: list[psutil.Process]
    redis_url: str


@contextmanager
def both_up(home: Path, *, python: str = sys.executable, **options: Any) -> Iterator[Both]:
    """Start both engines under a supervisor in a process of its own, which is killed at the end."""
    path = os.pathsep.join([str(ROOT / "src"), *(entry for entry in sys.path if entry.endswith("site-packages"))])
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": str(home.parent)}
    environment["XDG_RUNTIME_DIR"] = os.environ["XDG_RUNTIME_DIR"]
    supervisor = subprocess.Popen(
        [python, "-c", START_BOTH, str(home)], env=environment, stdout=subprocess.PIPE, text=True, **options
    )
    assert supervisor.stdout is not None
    engines: list[psutil.Process] = []
    try:
        words = supervisor.stdout.readline().split()
        assert len(words) == 3, "the engines did not start"
        roots = [psutil.Process(int(pid)) for pid in words[:2]]
        engines = [process for root in roots for process in (root, *root.children(recursive=True))]
        yield Both(supervisor, engines, words[2])
    finally:
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()
        assert all_ended(engines, 10)


def postgres_in(base: Path) -> Postgres:
    base.mkdir(exist_ok=True)
    return Postgres(base / "postgres", socket_directory(base), base / "postgres.log", port=0, durable=False)


def test_a_home_has_one_owner_at_a_time(tmp_path: Path) -> None:
    with Home(tmp_path / "home"), pytest.raises(EngineError, match=rf"in use by process {os.getpid()}"):  # noqa: SIM117
        with Home(tmp_path / "home"):
            pytest.fail("two owners")


def test_a_home_is_closed_to_others(tmp_path: Path) -> None:
    with Home(tmp_path / "home") as home:
        assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(home.sockets().stat().st_mode) == 0o700


def test_a_closed_home_leaves_nothing_in_the_directory_of_its_sockets(tmp_path: Path) -> None:
    runtime = Path(os.environ["XDG_RUNTIME_DIR"])
    before = set(runtime.iterdir())

    with Home(tmp_path / ("long" * 30)) as home:
        assert home.sockets().parent == runtime

    assert set(runtime.iterdir()) == before


def test_engines_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with both_up(tmp_path / "home") as both:
        both.supervisor.kill()

        assert all_ended(both.engines, 10)


def test_without_the_kernels_help_a_keeper_ends_the_engine(tmp_path: Path) -> None:
    command = launcher(["/bin/sleep", "600"], signal.SIGTERM, None, keeper=True)
    program = f"import subprocess as s; print(s.Popen({command!r}, stdin=s.PIPE).pid, flush=True); input()"
    supervisor = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    assert supervisor.stdin is not None
    engine = psutil.Process(int(supervisor.stdout.readline()))
    wait_until(lambda: engine.name() == "sleep" and len(engine.children()) == 1, 10, "the keeper watches")
    keeper = engine.children()[0]

    with supervisor:
        supervisor.kill()

    assert all_ended([engine, keeper], 10)


async def test_a_stale_lock_file_with_the_pid_of_a_living_process_does_not_block_postgres(tmp_path: Path) -> None:
    server = postgres_in(tmp_path / "home")
    server.start()
    lock = tmp_path / "home" / "postgres" / "data" / "postmaster.pid"
    stale = lock.read_text().replace(str(server.process.pid), str(os.getppid()), 1)
    server.kill()
    lock.write_text(stale)

    try:
        server.start()
        assert await _answers(server.url)
    finally:
        server.kill()


async def test_postgres_keeps_its_password_and_data_over_a_restart_by_another_supervisor(tmp_path: Path) -> None:
    first = postgres_in(tmp_path / "home")
    first.start()
    first.stop()
    second = postgres_in(tmp_path / "home")
    second.port = first.port

    try:
        second.start()
        assert second.url == first.url
        assert await _answers(first.url)
    finally:
        second.kill()


async def test_a_lost_password_file_is_made_again(tmp_path: Path) -> None:
    server = postgres_in(tmp_path / "home")
    server.start()
    server.stop()
    (tmp_path / "home" / "postgres.password").unlink()
    again = postgres_in(tmp_path / "home")

    try:
        again.start()
        assert await _answers(again.url)
    finally:
        again.kill()


def test_a_half_made_data_directory_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "home" / "postgres" / "data.init123"
    half.mkdir(parents=True)
    (half / "PG_VERSION").touch()
    server = postgres_in(tmp_path / "home")

    try:
        server.start()
        assert not half.exists()
    finally:
        server.kill()


def test_a_data_directory_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    data = tmp_path / "home" / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres" if _has_user("postgres") else "nobody")
        os.chown(data, owner.pw_uid, owner.pw_gid)

    with pytest.raises(EngineError, match="made by PostgreSQL 9"):
        postgres_in(tmp_path / "home").start()


def test_a_home_with_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30) / "home"
    assert len(str(home)) > SOCKET_DIR_LIMIT

    with both_up(home) as both, redis_sync.Redis.from_url(both.redis_url) as client:
        assert client.ping()


def test_a_taken_port_is_evaded_by_the_next_free_one() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]

        assert free_port(taken) not in (taken, 0)


def test_valkey_evades_a_port_that_is_taken_between_the_look_and_the_bind(tmp_path: Path) -> None:
    with Home(tmp_path / "home") as home, socket.socket() as holder:
        server = Valkey(home.path / "valkey", home.sockets(), home.path / "valkey.log", port=0)
        server.start()
        server.stop()
        holder.bind(("127.0.0.1", server.port))
        holder.listen()
        try:
            server.start()
            assert server.port != holder.getsockname()[1]
            with redis_sync.Redis.from_url(server.url) as client:
                assert client.ping()
        finally:
            server.kill()


def test_valkey_never_evicts_and_appends_every_write(valkey_server: Valkey) -> None:
    with redis_sync.Redis.from_url(valkey_server.url) as client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("append*")["appendfsync"] == "everysec"
        assert client.config_get("appendonly")["appendonly"] == "yes"


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user of the machine can reach."""
    path = Path(tempfile.mkdtemp(prefix="pregao-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@as_root
def test_postgres_of_root_runs_as_another_user_under_a_private_directory(open_directory: Path) -> None:
    private = open_directory / "private"
    private.mkdir(mode=0o700)

    with both_up(private / "home") as both:
        postmaster = next(process for process in both.engines if process.name() == "postgres")

        assert postmaster.uids().real != 0
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert stat.S_IMODE((private / "home").stat().st_mode) == 0o700


@as_root
def test_binaries_in_a_private_environment_are_copied_to_where_the_servers_user_can_run_them(
    open_directory: Path,
) -> None:
    original = wheel_binaries()[0]
    private = open_directory / "private"
    package = private / original.parent.parent.name
    private.mkdir(mode=0o700)
    shutil.copytree(original.parent, package / original.parent.name, symlinks=True)
    libraries = original.parent.parent.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, private / libraries.name)
    user = pwd.getpwnam("nobody")

    found = postgres_binaries(
        open_directory / "none",
        user,
        candidates=[package / original.parent.name / "bin"],
        copies=open_directory / "copies",
    )

    assert found.is_relative_to(open_directory / "copies")
    said = subprocess.run(
        [found / "postgres", "-V"], user=user.pw_uid, group=user.pw_gid, capture_output=True, check=True
    )
    assert b"PostgreSQL" in said.stdout
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@as_root
def test_engines_start_for_an_unprivileged_user(open_directory: Path) -> None:
    python = _python_for_everybody()
    user = pwd.getpwnam("nobody")
    os.chown(open_directory, user.pw_uid, user.pw_gid)
    drop = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}

    with both_up(open_directory / "home", python=python, **drop) as both:
        assert {process.uids().real for process in both.engines} == {user.pw_uid}


def _python_for_everybody() -> str:
    """An interpreter of this version, with these packages, that any user can run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (Path(sys.executable).resolve(), Path("/usr/bin") / version):
        if path.exists() and all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents):
            return str(path)
    pytest.skip(f"no {version} that another user can run")


def _has_user(name: str) -> bool:
    return any(user.pw_name == name for user in pwd.getpwall())


async def _answers(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()
