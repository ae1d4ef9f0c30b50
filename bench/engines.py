"""The private engines of one run: Valkey with the append-only file, and PostgreSQL, on two cores."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import redis

from pregao.embedded.home import socket_directory
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.keys import Keys
from pregao.store.migrations import migrate

MAXMEMORY_MB = 3072
SLOWLOG_US = 1_000
EMPTY_DATABASE = "TRUNCATE jobs, job_attempts, scraper_results, queue_generation, controls, audit_log CASCADE"

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
SERVER_CORE, WORKER_CORE = CORES[0], CORES[1 % len(CORES)]
"""Redis and what enqueues for an idle worker on the first, the measured process on the second."""


@contextmanager
def on_cores(*cores: int) -> Iterator[None]:
    """Run the block there: processes that it starts stay there. Nothing happens where the system cannot pin."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Engines:
    """The running pair. Every scenario begins with an empty server."""

    valkey: Valkey
    postgres: Postgres
    redis: redis.Redis

    @property
    def url(self) -> str:
        """Redis over TCP: not every peer speaks to a Unix socket."""
        return self.valkey.url

    @property
    def database_url(self) -> str:
        """The migrated database."""
        return self.postgres.private_url

    def empty(self) -> None:
        """Forget everything in Redis, and set the generation marker that recovery would set."""
        # Valkey frees in the background by default, on the core that the next run needs.
        self.redis.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]
        self.redis.slowlog_reset()
        self.redis.set(Keys().generation, 1)

    def empty_database(self) -> None:
        """Forget every job in PostgreSQL."""
        self.query(EMPTY_DATABASE)

    def query(self, statement: str) -> int:
        """The first value of one statement, 0 when there is none."""

        async def ask() -> int:
            connection = await asyncpg.connect(self.database_url)
            try:
                return int(await connection.fetchval(statement) or 0)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def forget_outbox(self) -> None:
        """What a recorder leaves behind once it has recorded everything."""
        self.redis.delete(Keys().outbox, Keys().outbox_bytes)

    def version(self) -> str:
        """Of the Redis-protocol server."""
        info = self.redis.info("server")
        return f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"


@contextmanager
def running_engines() -> Iterator[Engines]:
    """Start both, Valkey on the server's core and PostgreSQL on both; nothing is left of them afterwards."""
    base = Path(tempfile.mkdtemp(prefix="pregao-bench-"))
    sockets, logs = socket_directory(base), base / "logs"
    valkey = Valkey(base / "valkey", sockets, logs / "valkey.log", port=0, maxmemory_mb=MAXMEMORY_MB)
    postgres = Postgres(base / "postgres", sockets, logs / "postgres.log", port=0)
    try:
        with on_cores(SERVER_CORE):
            valkey.start()
        with on_cores(SERVER_CORE, WORKER_CORE):
            postgres.start()
        asyncio.run(migrate(postgres.private_url))
        with redis.Redis.from_url(valkey.url) as client:
            client.config_set("slowlog-log-slower-than", SLOWLOG_US)
            client.config_set("slowlog-max-len", 10_000)
            # A rewrite of the file by a child would share the server's core with it, in whichever run it falls into.
            client.config_set("auto-aof-rewrite-percentage", 0)
            yield Engines(valkey, postgres, client)
    finally:
        valkey.kill()
        postgres.stop()
        shutil.rmtree(base, ignore_errors=True)
