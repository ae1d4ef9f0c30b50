"""The Lua files, each composed with the shared head and called by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import resources
from typing import Any, Literal

import redis as redis_sync
import redis.asyncio as redis_async
from redis.exceptions import NoScriptError, RedisError

from pregao.domain.errors import QueueUnavailable
from pregao.queue.keys import Keys
from pregao.queue.line import Line
from pregao.queue.replies import translate

ScriptName = Literal[
    "enqueue", "fire", "claim", "renew", "settle", "release", "reclaim", "promote", "cancel", "tick", "restore",
    "mark", "forget", "reprioritize", "beat", "control", "adopt", "disown", "scrub", "run", "resume", "reset",
]  # fmt: skip
Argument = str | bytes | int | float
FIXED_ARGUMENTS = 3
"""The key, the prefix and the time, which every script takes."""

_WORK_BEFORE_THE_MARKER = ("restore", "mark")
_JOBS = ("document", "job")
_FIRING = (*_JOBS, "create", "firing")
_PARTS: dict[ScriptName, tuple[str, ...]] = {
    "enqueue": (*_JOBS, "create"),
    "fire": _FIRING,
    "run": _FIRING,
    "resume": _FIRING,
    "adopt": (*_JOBS, "create"),
    "restore": (*_JOBS, "create"),
    "claim": (*_JOBS, "gates"),
    "tick": (*_JOBS, "gates", "tending"),
    "control": (*_JOBS, "gates"),
    "reset": (*_JOBS, "gates", "breaker"),
    "settle": (*_JOBS, "gates", "breaker"),
    "release": (*_JOBS, "gates"),
    "renew": (),
    "mark": (),
    "forget": (),
    "beat": (),
    "disown": (),
}
"""Shared files that a script needs beside the head: the server runs every line of it at each call."""


@cache
def source_of(name: ScriptName) -> str:
    """The whole text that the server runs for `name`: its flags, the shared files, its own lines."""
    flags, own = _read(f"{name}.lua").split("\n", 1)
    shared = ["head", *_PARTS.get(name, _JOBS)]
    if name not in _WORK_BEFORE_THE_MARKER:
        shared.insert(1, "guard")
    return "\n".join([flags, *(_read(f"shared/{part}.lua") for part in shared), own])


@cache
def hash_of(name: ScriptName) -> str:
    """The SHA-1 under which the server keeps the script."""
    return hashlib.sha1(source_of(name).encode(), usedforsecurity=False).hexdigest()


def _read(path: str) -> str:
    return resources.files("pregao.queue").joinpath("lua", path).read_text(encoding="utf-8")


class Scripts:
    """Calls scripts on an asyncio client. `now_ms` replaces the server's time in tests."""

    def __init__(self, redis: redis_async.Redis, keys: Keys, now_ms: Callable[[], int] | None = None) -> None:
        self._line = Line(redis)
        self._retry = redis.get_retry()
        self._timeout_seconds: float | None = redis.connection_pool.connection_kwargs.get("socket_timeout")
        self._keys = keys
        self._now_ms = now_ms

    def fixed_arguments(self) -> Sequence[str]:
        """What every script takes first."""
        return _fixed_arguments(self._keys, self._now_ms)

    async def call(self, name: ScriptName, *arguments: Argument) -> Any:
        """Run one script. Raises QueueUnavailable, QueueFull, GenerationMissing or QueueError."""
        fixed = self.fixed_arguments()
        try:
            try:
                return await self._call("EVALSHA", hash_of(name), 1, *fixed, *arguments)
            except NoScriptError:
                return await self._call("EVAL", source_of(name), 1, *fixed, *arguments)
        except RedisError as error:
            raise translate(error) from error
        except OSError as error:
            raise QueueUnavailable(f"Redis cannot be reached ({error}); check REDIS_URL") from error

    async def _call(self, *command: Argument) -> Any:
        """A call that was not answered is repeated, as often as the client would."""
        call = partial(self._line.call, *command, timeout_seconds=self._timeout_seconds)
        return await call() if self._retry is None else await self._retry.call_with_retry(call, _again)


async def _again(_error: Exception) -> None:
    """The line connects by itself."""


class ThreadScripts:
    """The same for a blocking client, in the thread that renews leases."""

    def __init__(self, redis: redis_sync.Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def call(self, name: ScriptName, *arguments: Argument) -> Any:
        """Run one script. Raises as `Scripts.call` does."""
        fixed = _fixed_arguments(self._keys, None)
        try:
            try:
                return self._redis.evalsha(hash_of(name), 1, *fixed, *arguments)
            except NoScriptError:
                return self._redis.eval(source_of(name), 1, *fixed, *arguments)
        except RedisError as error:
            raise translate(error) from error
        except OSError as error:
            raise QueueUnavailable(f"Redis cannot be reached ({error}); check REDIS_URL") from error


def _fixed_arguments(keys: Keys, now_ms: Callable[[], int] | None) -> Sequence[str]:
    return (keys.generation, keys.prefix, str(now_ms()) if now_ms else "")
