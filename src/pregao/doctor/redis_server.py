"""Redis or Valkey: whether it is new enough, keeps what it is given, and has room; then what is in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import redis.asyncio as redis_async
from loguru import logger

from pregao.doctor.clocks import compare
from pregao.doctor.disk import look_at_disk
from pregao.doctor.finding import Finding, error, ok, warning
from pregao.doctor.gates import look_at_gates
from pregao.doctor.guard import guarded
from pregao.doctor.members import look_at_members
from pregao.doctor.origin import redis_origin
from pregao.doctor.queue import look_at_generation, look_at_leftovers, look_at_outbox
from pregao.domain.clock import Clock
from pregao.domain.errors import PregaoError, QueueError, QueueUnavailable
from pregao.queue.connection import open_redis, server_info, unsafe_reasons
from pregao.queue.views import answered, server_time
from pregao.settings import Settings
from pregao.system.banner import without_password

OLDEST_REDIS, OLDEST_VALKEY = 7, 8
FULL_SHARE, NEARLY_FULL_SHARE = 0.95, 0.75
ANSWER_SECONDS = 5.0
PERSISTENCE = "Redis persistence"
_FAILED = "err"

Info = Mapping[str, Any]


async def look_at_redis(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """The server, its clock, who works on it, and the queue in it. Raises QueueUnavailable when it goes away."""
    url = settings.resolve_redis_url()
    redis = open_redis(url, timeout_seconds=ANSWER_SECONDS, retries=1)
    try:
        try:
            info = await server_info(redis)
        except PregaoError as reason:
            yield error(
                "Redis", f"{reason} ({redis_origin(settings)})", "start it with `pregao up`, or correct REDIS_URL"
            )
            return
        config = await _shown_configuration(redis)
        for finding in judge(info, settings.key_prefix, f"{redis_origin(settings)}, {without_password(url)}", config):
            yield finding
        if "dir" in config and is_here(redis):
            yield look_at_disk("Redis disk", config["dir"])
        asked_at = clock.now()
        yield compare("Redis", server_time(await answered(redis.time())), asked_at, clock.now())
        for subject, looking in (
            ("queue", look_at_generation(redis, settings)),
            ("recorder", look_at_outbox(redis, settings)),
            ("gates", look_at_gates(redis, settings)),
            ("leftovers", look_at_leftovers(redis, settings)),
            ("workers", look_at_members(redis, settings)),
        ):
            async for finding in guarded(subject, looking):
                yield finding
    finally:
        await redis.aclose()


def judge(info: Info, prefix: str, where: str, config: Mapping[str, str]) -> Iterator[Finding]:
    """What a server's INFO, and as much of its configuration as it shows, say about it; `where` says which it is."""
    yield _version(info, where)
    for reason in unsafe_reasons(info, prefix):
        yield error("Redis", reason, "change the server's configuration as it says")
    if str(info.get("role", "master")) != "master":
        yield error("Redis", "this server is a replica, which takes no writes", "set REDIS_URL to its primary")
    yield _memory(info)
    problems = list(_persistence(info, config.get("appendfsync")))
    yield from problems or [ok(PERSISTENCE, "every change is written to the append-only file, and that goes well")]


def _version(info: Info, where: str) -> Finding:
    is_valkey = "valkey_version" in info
    name, oldest = ("Valkey", OLDEST_VALKEY) if is_valkey else ("Redis", OLDEST_REDIS)
    version = str(info["valkey_version" if is_valkey else "redis_version"])
    detail = f"{name} {version}, {where}"
    if int(version.partition(".")[0]) < oldest:
        return error("Redis", f"{detail}: too old", f"use Redis {OLDEST_REDIS}, Valkey {OLDEST_VALKEY}, or newer")
    return ok("Redis", detail)


def _memory(info: Info) -> Finding:
    used, limit = int(info["used_memory"]), int(info.get("maxmemory", 0))
    if not limit:
        return ok("Redis memory", f"{_mb(used)} used, without a limit (maxmemory)")
    detail = f"{_mb(used)} used of {_mb(limit)} (maxmemory), {used / limit:.0%}"
    cure = "let the queue drain, record what waits (is PostgreSQL up?), or raise maxmemory"
    if used >= FULL_SHARE * limit:
        return error("Redis memory", f"{detail}: new jobs are refused, or will be soon", cure)
    return warning("Redis memory", detail, cure) if used >= NEARLY_FULL_SHARE * limit else ok("Redis memory", detail)


def _persistence(info: Info, appendfsync: str | None) -> Iterator[Finding]:
    room = "make room on its disk and look into its log; until then it may refuse every write"
    if str(info.get("loading", 0)) == "1":
        yield warning(PERSISTENCE, "the server still loads its data", "wait until it has, then look again")
    if str(info.get("aof_enabled", 0)) == "0":
        detail = "appendonly is off: jobs accepted since the last snapshot are lost when the server stops"
        yield warning(PERSISTENCE, detail, "CONFIG SET appendonly yes, and in its configuration")
    elif appendfsync == "no":
        detail = "appendfsync is no: a power cut may lose the last half minute"
        yield warning(PERSISTENCE, detail, "CONFIG SET appendfsync everysec, and in its configuration")
    if info.get("aof_last_write_status") == _FAILED:
        yield error(PERSISTENCE, "the last write to the append-only file failed", room)
    if info.get("aof_last_bgrewrite_status") == _FAILED:
        yield error(PERSISTENCE, "the last rewrite of the append-only file failed: it grows without end", room)
    if info.get("rdb_last_bgsave_status") == _FAILED:
        yield error(PERSISTENCE, "the last snapshot failed", room)


async def _shown_configuration(redis: redis_async.Redis) -> dict[str, str]:
    """`appendfsync` and `dir`; empty where the server does not show its configuration, as hosted ones do not."""
    try:
        shown = await answered(redis.config_get("appendfsync", "dir"))
    except QueueUnavailable:
        raise
    except QueueError as reason:
        logger.debug("the configuration of Redis is not shown: {}", reason)
        return {}
    return {str(name): str(value) for name, value in shown.items()}


def is_here(redis: redis_async.Redis) -> bool:
    """Whether the server is on this machine, so that its directories can be looked at."""
    arguments = redis.connection_pool.connection_kwargs
    return "path" in arguments or arguments.get("host") in ("127.0.0.1", "localhost", "::1")


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.1f} MB"
