"""A look at everything that can be wrong around Pregão, each finding with what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec
import redis.asyncio as redis_async
from redis.exceptions import RedisError

from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import PregaoError, StoreUnavailable, UnsafeServer
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import check_server, open_redis
from pregao.queue.replies import translate
from pregao.queue.views import QueueViews
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.store.migrations import pending
from pregao.store.pool import unavailable

CLOCK_OFFSET_SECONDS = 1.0
LAG_SECONDS = 30.0
State = Literal["ok", "warning", "error"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `cure` says what to do; empty when nothing needs doing."""

    subject: str
    state: State
    detail: str
    cure: str = ""


async def examine(settings: Settings, clock: Clock | None = None) -> list[Finding]:
    """All findings, in the order in which a newcomer should read them. Never raises for what it finds."""
    clock = clock or SystemClock()
    redis = open_redis(settings.resolve_redis_url())
    try:
        findings = [finding async for finding in _redis(redis, settings, clock)]
    finally:
        await redis.aclose()
    findings += [finding async for finding in _postgres(settings, clock)]
    return [*findings, *_configuration(settings)]


async def _redis(redis: redis_async.Redis, settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    try:
        server = await check_server(redis, settings.key_prefix)
    except UnsafeServer as error:
        yield Finding("Redis", "error", str(error), "change the server's configuration as it says")
        return
    except PregaoError as error:
        yield Finding("Redis", "error", str(error), "start it with `pregao up`, or correct REDIS_URL")
        return
    limit = f"{server.maxmemory_bytes >> 20} MB" if server.maxmemory_bytes else "no limit"
    yield Finding("Redis", "ok", f"version {server.version}, maxmemory {limit}, evicts nothing")
    for warning in server.warnings:
        yield Finding("Redis persistence", "warning", warning, "CONFIG SET appendonly yes, and in its configuration")
    try:
        seconds, micros = await redis.time()
    except RedisError as error:
        raise translate(error) from error
    yield _offset("Redis", seconds + micros / 1_000_000, clock)
    async for finding in _queue(redis, settings):
        yield finding


async def _queue(redis: redis_async.Redis, settings: Settings) -> AsyncIterator[Finding]:
    views = QueueViews(redis, settings.key_prefix)
    if await QueueCommands(redis, settings.key_prefix).read_generation() is None:
        yield Finding("queue", "error", "Redis holds no generation marker: it is new or was emptied", "pregao recover")
    workers, outbox, lengths = await views.workers(), await views.outbox(), await views.lengths()
    if workers:
        yield Finding("workers", "ok", f"{len(workers)} alive with {sum(w.slots for w in workers)} slots")
    else:
        waiting = f"; {lengths.total} jobs wait" if lengths.total else ""
        yield Finding("workers", "warning", f"none is alive{waiting}", "pregao worker, or pregao up")
    if outbox.lag_seconds > LAG_SECONDS:
        detail = f"{outbox.entries} facts wait, the oldest for {outbox.lag_seconds:.0f} s"
        yield Finding("recorder", "warning", detail, "see the recorder's log; is PostgreSQL reachable for it?")
    if outbox.dead:
        detail = f"PostgreSQL refused {outbox.dead} facts; they are kept in {views.keys.outbox_dead}"
        yield Finding("recorder", "warning", detail, f"read them: XRANGE {views.keys.outbox_dead} - +")
    if orphans := await views.orphans():
        detail = f"{orphans} ids were pushed without a job behind them; they are kept in {views.keys.orphans}"
        yield Finding("leftovers", "warning", detail, f"look who pushes them: LRANGE {views.keys.orphans} 0 9")


async def _postgres(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    dsn = settings.resolve_database_url()
    try:
        with unavailable():
            connection = await asyncpg.connect(dsn, timeout=5)
            try:
                version = await connection.fetchval("SHOW server_version")
                now = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
            finally:
                await connection.close()
        waiting = await pending(dsn)
    except StoreUnavailable as error:
        yield Finding("PostgreSQL", "error", str(error), "start it with `pregao up`, or correct DATABASE_URL")
        return
    except PregaoError as error:
        yield Finding("migrations", "error", str(error), "restore the file or the database")
        return
    yield Finding("PostgreSQL", "ok", f"version {version}")
    yield _offset("PostgreSQL", now, clock)
    if waiting:
        yield Finding("migrations", "error", f"not applied: {', '.join(waiting)}", "pregao migrate")
    else:
        yield Finding("migrations", "ok", "all applied")


def _configuration(settings: Settings) -> list[Finding]:
    registry = Registry.load(settings)
    findings = [Finding("scrapers", "ok", f"{len(registry.names())} load: {', '.join(registry.names())}")]
    findings += [
        Finding("scrapers", "error", f"{problem.place}: {problem.error}", problem.fix or "correct it")
        for problem in registry.problems
    ]
    findings += [
        Finding("keys", "warning", f"{entry.name} is {entry.missing_configuration}", "until then it does not run here")
        for entry in registry.entries()
        if entry.missing
    ]
    path = Path(settings.schedules_path)
    if path.is_file():
        findings.append(
            Finding("schedules", "ok", f"{path} is there; `pregao schedules check {path}` reads it closely")
        )
    else:
        findings.append(Finding("schedules", "error", f"{path} does not exist", "set PREGAO_SCHEDULES to the file"))
    return findings


def _offset(server: str, its_seconds: float, clock: Clock) -> Finding:
    offset = its_seconds - clock.now().timestamp()
    detail = f"{server}'s clock is {abs(offset):.2f} s {'ahead of' if offset > 0 else 'behind'} this host's"
    if abs(offset) > CLOCK_OFFSET_SECONDS:
        return Finding("clock", "warning", detail, "run a time service (chrony, systemd-timesyncd) on both")
    return Finding("clock", "ok", detail)
