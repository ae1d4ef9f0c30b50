"""`pregao doctor` on a PostgreSQL that is really broken, in each way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import msgspec
import pytest
from tests.diagnosis import Diagnosis, diagnose

from pregao.doctor.postgres_server import judge
from pregao.embedded.postgres import DATABASE, Postgres
from pregao.settings import Settings
from pregao.store.migrations import migrate, shipped
from pregao.store.server_facts import read_server_facts


@pytest.fixture
async def own(settings: Settings, postgres_server: Postgres) -> Settings:
    """Settings for a durable, migrated server of the test's own."""
    await migrate(postgres_server.url)
    return settings.model_copy(update={"database_url": postgres_server.url})


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.resolve_database_url())
    try:
        yield connection
    finally:
        await connection.close()


async def execute(settings: Settings, statement: str) -> None:
    async with connected(settings) as connection:
        await connection.execute(statement)


async def judged(settings: Settings, **changes: object) -> Diagnosis:
    """The verdict on what this server says of itself, with changes."""
    facts = await read_server_facts(settings.resolve_database_url())
    return Diagnosis(list(judge(msgspec.structs.replace(facts, **changes), "given")))


async def test_a_sound_server_is_called_sound(own: Settings) -> None:
    seen = await diagnose(own)
    assert seen.the("PostgreSQL", "ok", "given by DATABASE_URL")
    assert seen.the("migrations", "ok", "all applied")
    assert seen.of("PostgreSQL persistence") == []
    assert "password" not in str(seen.findings)


async def test_the_password_is_not_told(own: Settings) -> None:
    secret = own.resolve_database_url().partition("://")[2].partition("@")[0].partition(":")[2]
    assert len(secret) > 20
    assert secret not in str((await diagnose(own)).findings)


async def test_a_server_that_does_not_wait_for_its_disk_is_a_warning(settings: Settings) -> None:
    """The engine that the tests share trades safety for speed."""
    seen = await diagnose(settings)
    assert seen.the("PostgreSQL persistence", "warning", "fsync is off")
    assert seen.the("PostgreSQL persistence", "warning", "synchronous_commit is off")


async def test_a_database_that_does_not_wait_for_its_disk_is_a_warning(own: Settings) -> None:
    await execute(own, f"ALTER DATABASE {DATABASE} SET synchronous_commit = off")
    assert (await diagnose(own)).the("PostgreSQL persistence", "warning", "synchronous_commit is off")


async def test_a_database_that_takes_no_writes_is_an_error(own: Settings) -> None:
    await execute(own, f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")
    assert (await diagnose(own)).the("PostgreSQL", "error", "read-only")


async def test_a_standby_is_an_error(settings: Settings) -> None:
    assert (await judged(settings, is_standby=True)).the("PostgreSQL", "error", "standby")


async def test_a_database_that_is_not_utf8_is_an_error(own: Settings, postgres_server: Postgres) -> None:
    await execute(own, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    await migrate(postgres_server.url_of("latin"))
    seen = await diagnose(own.model_copy(update={"database_url": postgres_server.url_of("latin")}))
    assert seen.the("PostgreSQL", "error", "LATIN1")


async def test_connections_that_are_nearly_used_up_are_a_warning(own: Settings) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(90):
            await stack.enter_async_context(connected(own))
        assert (await diagnose(own)).the("PostgreSQL", "warning", "of 100 connections are in use")


@pytest.mark.parametrize(
    ("version", "number", "state"),
    [("13.16", 130016, "error"), ("14.0", 140000, "ok"), ("18.1", 180001, "ok")],
)
async def test_a_version_that_is_too_old_is_an_error(settings: Settings, version: str, number: int, state: str) -> None:
    seen = await judged(settings, version=version, version_number=number)
    assert seen.states("PostgreSQL") == [state]
    assert version in seen.of("PostgreSQL")[0].detail


async def test_migrations_that_are_missing_are_an_error(settings: Settings, empty_database_url: str) -> None:
    seen = await diagnose(settings.model_copy(update={"database_url": empty_database_url}))
    finding = seen.the("migrations", "error", "not applied")
    assert all(migration.name in finding.detail for migration in shipped())
    assert finding.cure == "pregao migrate"


async def test_everything_that_is_wrong_with_the_migrations_is_told_at_once(settings: Settings) -> None:
    first, second = shipped()[:2]
    await execute(settings, f"UPDATE schema_migrations SET checksum = 'other' WHERE name = '{first.name}'")
    await execute(settings, f"DELETE FROM schema_migrations WHERE name = '{second.name}'")
    await execute(settings, "INSERT INTO schema_migrations (name, checksum) VALUES ('9999_from_the_future', 'x')")
    seen = await diagnose(settings)
    assert seen.the("migrations", "error", f"other contents than those shipped: {first.name}")
    assert seen.the("migrations", "error", f"not applied: {second.name}")
    assert seen.the("migrations", "error", "unknown to this version: 9999_from_the_future")


async def test_a_server_that_is_away_is_an_error_with_the_variable_to_look_at(
    own: Settings, postgres_server: Postgres
) -> None:
    postgres_server.kill()
    seen = await diagnose(own)
    assert "DATABASE_URL" in seen.the("PostgreSQL", "error", "cannot be reached").cure
    assert seen.of("migrations") == []
    assert seen.states("leftovers") == ["ok"], "the other server is looked at all the same"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda url: url.replace("pregao:", "pregao:wrong-", 1), "password authentication failed"),
        (lambda url: f"{url}_gone", "does not exist"),
    ],
    ids=["password", "database"],
)
async def test_a_server_that_lets_nobody_in_is_an_error(own: Settings, change: object, told: str) -> None:
    assert callable(change)
    wrong = own.model_copy(update={"database_url": change(own.resolve_database_url())})
    assert (await diagnose(wrong)).the("PostgreSQL", "error", told)
