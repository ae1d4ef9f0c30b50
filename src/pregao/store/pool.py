"""Connections to PostgreSQL, and the line between "it is away" and "it refuses this row"."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import orjson

from pregao.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

CONNECT_TIMEOUT_SECONDS = 5.0
COMMAND_TIMEOUT_SECONDS = 30.0
CLOSE_SECONDS = 5.0
_JSONB_VERSION = b"\x01"

# Data exceptions, violated constraints, and limits such as a document that is too deep: the row is to blame.
# Everything else (no disk, no memory, read-only, shutting down, no such table) would hit every other row as well.
_REFUSED_CLASSES = ("22", "23", "54")


async def open_pool(dsn: str, *, max_size: int = 5) -> Pool:
    """A pool that opens while PostgreSQL is down and connects when first used; safe behind pgbouncer.

    `jsonb` values are plain Python data on both sides. Connecting gives up after 5 s, a command after 30 s.
    """
    pool = asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=max_size,
        init=_set_codecs,
        statement_cache_size=0,
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=COMMAND_TIMEOUT_SECONDS,
        max_inactive_connection_lifetime=300.0,
        server_settings={"application_name": "pregao"},
    )
    return await pool


async def close_pool(pool: Pool) -> None:
    """Close it; what still waits for an answer after five seconds is cut off."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()


@contextmanager
def unavailable() -> Iterator[None]:
    """Raise StoreUnavailable, with the reason, for whatever means that PostgreSQL cannot serve now.

    Errors that the row itself causes (see `refuses`) pass through as they are.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        if refuses(error):
            raise
        raise StoreUnavailable(f"PostgreSQL does not serve: {_told(error)}{_advice(error)}") from error
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise StoreUnavailable(f"PostgreSQL cannot be reached: {_told(error)}; check DATABASE_URL") from error


def refuses(error: BaseException) -> bool:
    """Whether PostgreSQL (or its driver, with the same class) refuses the values themselves: no use to try again."""
    return isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in _REFUSED_CLASSES


async def _set_codecs(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=_decode_jsonb, format="binary"
    )


def _encode_jsonb(value: object) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value)


def _decode_jsonb(document: bytes) -> Any:
    return orjson.loads(memoryview(document)[1:])


def _told(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


def _advice(error: asyncpg.PostgresError) -> str:
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
        return "; run `pregao migrate`"
    return ""
