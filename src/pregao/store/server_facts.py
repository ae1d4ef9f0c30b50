"""What matters of a PostgreSQL server before it is trusted with results."""

from __future__ import annotations

from datetime import datetime

import asyncpg
import msgspec

from pregao.store.pool import CONNECT_TIMEOUT_SECONDS, unavailable
from pregao.store.statements import sql


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of itself. `version_number` is 140005 for 14.5; `now` is its clock, aware.

    `waits_for_disk`: a commit is on disk when it is answered (synchronous_commit).
    """

    version: str
    version_number: int
    encoding: str
    is_standby: bool
    is_read_only: bool
    fsync: bool
    full_page_writes: bool
    waits_for_disk: bool
    max_connections: int
    connections: int
    now: datetime


async def read_server_facts(dsn: str) -> ServerFacts:
    """Ask a server about itself, on a connection of its own. Raises StoreUnavailable."""
    with unavailable():
        connection = await asyncpg.connect(
            dsn, timeout=CONNECT_TIMEOUT_SECONDS, command_timeout=CONNECT_TIMEOUT_SECONDS, statement_cache_size=0
        )
        try:
            row = await connection.fetchrow(sql("describe_server"))
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_SECONDS)
    return msgspec.convert(dict(row or {}), ServerFacts)
