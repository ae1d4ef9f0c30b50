"""Numbered SQL files, applied in order: each once, in one transaction, under a lock, with its checksum on record."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from pregao.domain.errors import MigrationMismatch, StoreError
from pregao.store.pool import CONNECT_TIMEOUT_SECONDS, unavailable
from pregao.store.statements import sql

if TYPE_CHECKING:
    from pregao.store.pool import Connection

MIGRATION_LOCK = 0x70726567616F_0002
"""Key of the advisory lock that a migrating process holds."""


class Migration(msgspec.Struct, frozen=True):
    """One shipped file: its name without `.sql`, its text, and the SHA-256 of the text in hex."""

    name: str
    text: str
    checksum: str


class MigrationState(msgspec.Struct, frozen=True):
    """How a database differs from what is shipped, by the names of the migrations.

    `missing` are not applied yet, `unknown` come from a newer version, `changed` were applied with other contents.
    """

    missing: list[str]
    unknown: list[str]
    changed: list[str]


def shipped() -> list[Migration]:
    """The migrations of this version, in the order in which they apply."""
    folder = files(__package__) / "migrations"
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name)
    return [_read(item.name.removesuffix(".sql"), item.read_text(encoding="utf-8")) for item in found]


async def migrate(dsn: str, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing; the names applied now, in order. Any number of processes may call this at once.

    Raises MigrationMismatch when an applied file has changed or is not shipped, StoreUnavailable, and StoreError with
    what PostgreSQL says of a faulty file, which then leaves nothing behind.
    """
    connection = await _connect(dsn)
    try:
        todo = _todo(await _recorded(connection), migrations or shipped())
        return [migration.name for migration in todo if await _apply(connection, migration)]
    finally:
        await connection.close()


async def compare(dsn: str, migrations: list[Migration] | None = None) -> MigrationState:
    """How this database differs from what is shipped. Raises StoreUnavailable."""
    connection = await _connect(dsn)
    try:
        return _compare(await _recorded(connection), migrations or shipped())
    finally:
        await connection.close()


def _read(name: str, text: str) -> Migration:
    return Migration(name, text, hashlib.sha256(text.encode()).hexdigest())


def _compare(recorded: dict[str, str], migrations: list[Migration]) -> MigrationState:
    known = {migration.name: migration.checksum for migration in migrations}
    return MigrationState(
        missing=[name for name in known if name not in recorded],
        unknown=[name for name in recorded if name not in known],
        changed=[name for name, checksum in recorded.items() if known.get(name, checksum) != checksum],
    )


def _todo(recorded: dict[str, str], migrations: list[Migration]) -> list[Migration]:
    state = _compare(recorded, migrations)
    for name in state.unknown:
        raise MigrationMismatch(
            f"migration {name} is applied to this database but is not part of this version of Pregão; "
            "run the newer version, or use another database"
        )
    for name in state.changed:
        raise MigrationMismatch(
            f"migration {name} was applied with other contents than the file now shipped; "
            "restore the file, and put the change into a new migration"
        )
    return [migration for migration in migrations if migration.name in state.missing]


async def _connect(dsn: str) -> asyncpg.Connection[asyncpg.Record]:
    with unavailable():
        return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_SECONDS, statement_cache_size=0)


async def _recorded(connection: Connection) -> dict[str, str]:
    with unavailable():
        if not await connection.fetchval(sql("has_migrations_table")):
            return {}
        return {row["name"]: row["checksum"] for row in await connection.fetch(sql("list_migrations"))}


async def _apply(connection: Connection, migration: Migration) -> bool:
    """Apply one file unless another process did so while we waited for the lock."""
    with unavailable():
        async with connection.transaction():
            await connection.execute(sql("lock_migrations"), MIGRATION_LOCK)
            await connection.execute(sql("create_migrations_table"))
            row = await connection.fetchrow(sql("get_migration"), migration.name)
            if row is not None:
                _todo({migration.name: row["checksum"]}, [migration])
                return False
            await _run(connection, migration)
            await connection.execute(sql("insert_migration"), migration.name, migration.checksum)
    return True


async def _run(connection: Connection, migration: Migration) -> None:
    try:
        await connection.execute(migration.text)
    except asyncpg.PostgresConnectionError:
        raise
    except asyncpg.PostgresError as error:
        raise StoreError(f"migration {migration.name} does not apply: {error}; nothing of it was kept") from error
