"""Real engines for every test: one Valkey and one PostgreSQL for each pytest process, on private ports and sockets.

`redis_url`, `redis`, `database_url`, `pool` and `settings` share them, emptied or freshly cloned for each test.
`valkey_server` and `postgres_server` are a test's own, to stop and kill. All of them die with the pytest process.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import hypothesis
import pytest
import redis as redis_sync
import redis.asyncio as redis_asyncio
from tests.working import SettingsMaker

from pregao.embedded.home import socket_directory
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.keys import Keys
from pregao.queue.views import QueueViews
from pregao.settings import Settings
from pregao.store.migrations import migrate
from pregao.store.pool import open_pool

TEMPLATE = "migrated_template"

# Timing never decides a test; `make property` asks for the thorough profile.
hypothesis.settings.register_profile("default", deadline=None)
# A mutant that is found need not be made small.
hypothesis.settings.register_profile("mutant", deadline=None, phases=[hypothesis.Phase.generate], database=None)
_examples = int(os.environ.get("PREGAO_PROPERTY_EXAMPLES", "2000"))
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=_examples)
hypothesis.settings.load_profile("mutant" if "PREGAO_MUTANT" in os.environ else "default")
_numbers = count(1)


@pytest.fixture(scope="session", autouse=True)
def _sockets_elsewhere() -> Iterator[None]:
    """The paths that pytest makes are too long for sockets: those go to a directory that ends with the session."""
    with tempfile.TemporaryDirectory(prefix="pregao-") as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", directory)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_limits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The limits that are shipped are for the real sources, and how full this machine is must decide no test."""
    file = tmp_path_factory.mktemp("limits") / "scrapers.yaml"
    file.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREGAO_SCRAPERS_FILE", str(file))
        patch.setenv("PREGAO_MEMORY_HIGH_PERCENT", "0")
        yield


@dataclass
class Engines:
    """The pair that the tests of this process share."""

    valkey: Valkey
    postgres: Postgres


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Start the shared pair once and stop it at the end."""
    base = tmp_path_factory.mktemp("engines")
    valkey, postgres = _valkey(base, durable=False), _postgres(base, durable=False)
    try:
        valkey.launch()
        postgres.launch()
        valkey.wait_ready()
        postgres.wait_ready()
        yield Engines(valkey, postgres)
    finally:
        valkey.kill()
        postgres.kill()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def redis_url(engines: Engines) -> str:
    """URL of an empty server whose generation marker is 1."""
    _empty(engines.valkey)
    return engines.valkey.url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[redis_asyncio.Redis]:
    """A client of the empty server, as the code under test opens it."""
    client = open_redis(redis_url)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture
def valkey_server(tmp_path: Path) -> Iterator[Valkey]:
    """A running server of the test's own, with the append-only file on and generation 1: start, stop or kill it."""
    server = _valkey(tmp_path / "own", durable=True)
    try:
        server.start()
        _empty(server)
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def template_database(engines: Engines) -> str:
    """Name of the migrated database that the tests' databases are clones of."""
    asyncio.run(_make_template(engines.postgres))
    return TEMPLATE


@pytest.fixture
async def database_url(engines: Engines, template_database: str) -> AsyncIterator[str]:
    """URL of a fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    await _administer(engines.postgres, f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY wal_log")
    try:
        yield engines.postgres.private_url_of(name)
    finally:
        await _administer(engines.postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def empty_database_url(engines: Engines) -> AsyncIterator[str]:
    """URL of a fresh database in which no migration has run."""
    name = f"empty_{next(_numbers)}"
    await _administer(engines.postgres, f"CREATE DATABASE {name}")
    try:
        yield engines.postgres.private_url_of(name)
    finally:
        await _administer(engines.postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on the fresh database, as the code under test opens it."""
    pool = await open_pool(database_url)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
def postgres_server(tmp_path: Path) -> Iterator[Postgres]:
    """A running, durable server of the test's own, not migrated: start, stop or kill it."""
    server = _postgres(tmp_path / "own", durable=True)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def settings(redis_url: str, database_url: str, tmp_path: Path) -> Settings:
    """Settings bound to the test's engines and to a home of its own; the environment and `.env` are not read.

    `tmp_path / "scrapers.yaml"` holds the limits, none at first.
    """
    limits = tmp_path / "scrapers.yaml"
    limits.touch()
    return Settings.load(
        None,
        environ={"REDIS_URL": redis_url, "DATABASE_URL": database_url, "PREGAO_MEMORY_HIGH_PERCENT": "0"},
        pregao_home=tmp_path / "home",
        scrapers_file=limits,
    )


@pytest.fixture
def make_settings(redis_url: str, database_url: str, tmp_path: Path) -> SettingsMaker:
    """Settings for a worker with the sample scrapers."""
    return SettingsMaker(tmp_path / "home", REDIS_URL=redis_url, DATABASE_URL=database_url)


@pytest.fixture
def queue(redis: redis_asyncio.Redis) -> QueueCommands:
    """The commands of the empty queue."""
    return QueueCommands(redis)


@pytest.fixture
def views(redis: redis_asyncio.Redis) -> QueueViews:
    """The views of the empty queue."""
    return QueueViews(redis)


def _valkey(base: Path, *, durable: bool) -> Valkey:
    return Valkey(
        base / "valkey",
        socket_directory(base),
        base / "logs" / "valkey.log",
        port=0,
        durability="everysec" if durable else "none",
        maxmemory_mb=256,
    )


def _postgres(base: Path, *, durable: bool) -> Postgres:
    return Postgres(base / "postgres", socket_directory(base), base / "logs" / "postgres.log", port=0, durable=durable)


def _empty(server: Valkey) -> None:
    with redis_sync.Redis.from_url(server.private_url) as client:
        client.flushall()
        client.config_resetstat()
        client.set(Keys().generation, 1)


async def _make_template(server: Postgres) -> None:
    await _administer(server, f"CREATE DATABASE {TEMPLATE}")
    await migrate(server.private_url_of(TEMPLATE))


async def _administer(server: Postgres, statement: str) -> None:
    connection = await asyncpg.connect(server.private_url_of("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
