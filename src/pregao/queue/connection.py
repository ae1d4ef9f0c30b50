"""Connections to Redis or Valkey, and whether the server is one that keeps jobs safe."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import hiredis
import msgspec
import redis as redis_sync
import redis.asyncio as redis_async
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from pregao.domain.errors import QueueUnavailable, UnsafeServer
from pregao.queue.keys import DEFAULT_PREFIX
from pregao.queue.replies import translate

CONNECT_TIMEOUT_SECONDS = 3.0
COMMAND_TIMEOUT_SECONDS = 10.0
RETRIES = 2

_PASSING = (RedisConnectionError, RedisTimeoutError)


class ServerFacts(msgspec.Struct, frozen=True):
    """What matters of a server. `maxmemory_bytes` 0 means no limit."""

    version: str
    maxmemory_bytes: int
    warnings: list[str]


def open_redis(
    url: str, *, timeout_seconds: float | None = COMMAND_TIMEOUT_SECONDS, retries: int = RETRIES
) -> redis_async.Redis:
    """An asyncio client with bytes answers; connects at the first command and reconnects by itself.

    Lost replies are repeated, which every script allows. `timeout_seconds=None` is for a connection that blocks.
    """
    client = redis_async.Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=timeout_seconds,
        **_keepalive(url),
        retry=AsyncRetry(ExponentialBackoff(cap=0.5, base=0.05), retries),
        retry_on_error=list(_PASSING),
        health_check_interval=0,
    )
    pool = client.connection_pool
    pool.connection_class = _cancellable(pool.connection_class)
    return client


def _cancellable(connection_class: type[Any]) -> type[Any]:
    """The same connection, without the hole in `asyncio.wait_for` of Python 3.11 through which redis-py writes.

    A cancellation that arrives just when the write is done is dropped there (bpo-37658), and a service that is being
    stopped would run for ever. Commands are packed by hiredis: redis-py's asyncio client does it argument by argument
    in Python, which was most of the time of a settle of 200 jobs.
    """

    class Cancellable(connection_class):  # type: ignore[misc]
        def pack_command(self, *arguments: Any) -> list[bytes]:
            name, *rest = arguments
            words = name.split() if isinstance(name, str | bytes) else [name]
            return [hiredis.pack_command((*words, *rest))]

        async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            task = asyncio.current_task()
            before = task.cancelling() if task else 0
            await super().send_packed_command(command, check_health)
            if task and task.cancelling() > before:
                await self.disconnect(nowait=True)
                raise asyncio.CancelledError

    return Cancellable


def open_redis_for_thread(url: str, *, timeout_seconds: float) -> redis_sync.Redis:
    """A blocking client for the thread that renews leases, with a timeout that fits well inside a lease."""
    return redis_sync.Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        **_keepalive(url),
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 1),
        retry_on_error=list(_PASSING),
    )


def _keepalive(url: str) -> dict[str, Any]:
    """Keep-alive for TCP; a Unix socket has none, and redis-py refuses the option there."""
    return {} if url.startswith("unix:") else {"socket_keepalive": True}


async def check_server(redis: redis_async.Redis, prefix: str = DEFAULT_PREFIX) -> ServerFacts:
    """Look at the server before trusting it with jobs.

    Raises UnsafeServer when it evicts keys, or is a Redis Cluster and `prefix` has no hash tag; QueueUnavailable when
    it does not answer. What is merely unwise comes back in `warnings`.
    """
    info = await server_info(redis)
    for reason in unsafe_reasons(info, prefix):
        raise UnsafeServer(reason)
    warnings = []
    if info.get("aof_enabled") in (0, "0"):
        warnings.append("appendonly is off: jobs accepted since the last snapshot are lost when the server stops")
    return ServerFacts(
        version=str(info.get("valkey_version") or info.get("redis_version")),
        maxmemory_bytes=int(info.get("maxmemory", 0)),
        warnings=warnings,
    )


async def server_info(redis: redis_async.Redis) -> dict[str, Any]:
    """What the server says of itself (INFO). Raises QueueUnavailable, QueueError."""
    try:
        return dict(await redis.info())
    except RedisError as error:
        raise translate(error) from error
    except OSError as error:
        raise QueueUnavailable(f"Redis cannot be reached: {error}") from error


def unsafe_reasons(info: Mapping[str, Any], prefix: str) -> list[str]:
    """Why a server that says this of itself must not be trusted with jobs, and what to do; empty when it may."""
    reasons = []
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        reasons.append(
            f"this Redis may evict jobs: maxmemory-policy is {policy!r}; set it to noeviction "
            "(CONFIG SET maxmemory-policy noeviction, and in the server's configuration file)"
        )
    if info.get("cluster_enabled") in (1, "1") and not re.search(r"\{[^}]+\}", prefix):
        reasons.append(
            f"this is a Redis Cluster and the key prefix {prefix!r} has no hash tag, so that one queue would be spread "
            "over many slots; set PREGAO_PREFIX={scraper}:"
        )
    return reasons
