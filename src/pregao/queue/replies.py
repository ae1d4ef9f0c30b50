"""The one place that turns what Redis answers into Pregão's errors."""

from __future__ import annotations

from redis.exceptions import (
    BusyLoadingError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pregao.domain.errors import GenerationMissing, PregaoError, QueueError, QueueFull, QueueUnavailable


def translate(error: RedisError) -> PregaoError:
    """The Pregão error that means the same as a redis-py error."""
    message = str(error)
    if isinstance(error, OutOfMemoryError) or message.startswith(("OOM", "MISCONF")):
        return QueueFull(f"{(QueueFull.__doc__ or '').strip()} The server says: {message}")
    if message.startswith("NOGEN"):
        return GenerationMissing()
    if isinstance(error, RedisConnectionError | RedisTimeoutError | BusyLoadingError):
        return QueueUnavailable(f"Redis cannot be reached ({message}); check REDIS_URL, or start it with `pregao up`")
    if isinstance(error, ResponseError) and message.startswith(("LOADING", "READONLY", "MASTERDOWN")):
        return QueueUnavailable(f"Redis does not take writes at the moment: {message}")
    return QueueError(f"Redis refused a command: {message}")
