"""The one place that reads what Redis answers: a script's reply as messages, an error as one of Pregão's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pregao.domain.errors import GenerationMissing, PregaoError, QueueError, QueueFull, QueueUnavailable
from pregao.domain.job import JobPriority, JobStatus
from pregao.queue.document import read_document
from pregao.queue.messages import Claim, Claims, Enqueued, ForeignJob, Settled, Tick

_PASSING = (ReadOnlyError, MasterDownError, ClusterDownError, TryAgainError)
_PASSING_WORDS = ("NOREPLICAS", "BUSY", "UNBLOCKED")
"""Refusals that end by themselves, as a failover does. For these words redis-py has no class."""


def translate(error: RedisError) -> PregaoError:
    """The Pregão error that means the same as a redis-py error."""
    message = str(error)
    if isinstance(error, OutOfMemoryError) or message.startswith(("OOM", "MISCONF")):
        return QueueFull(f"{(QueueFull.__doc__ or '').strip()} The server says: {message}")
    if message.startswith("NOGEN"):
        return GenerationMissing()
    if isinstance(error, RedisConnectionError | RedisTimeoutError | BusyLoadingError):
        return QueueUnavailable(f"Redis cannot be reached ({message}); check REDIS_URL, or start it with `pregao up`")
    if isinstance(error, _PASSING) or message.startswith(_PASSING_WORDS):
        return QueueUnavailable(f"Redis does not take writes at the moment: {message}")
    return QueueError(f"Redis refused a command: {message}")


def read_tick(reply: Sequence[Any]) -> Tick:
    """The answer of the tick script."""
    corrected, due, expired, next_in_ms = (int(part) for part in reply[:4])
    neighbours = {
        worker.decode(errors="replace"): process.decode()
        for worker, process in zip(reply[4::2], reply[5::2], strict=True)
    }
    return Tick(corrected, due, expired, None if next_in_ms < 0 else next_in_ms, neighbours)


def read_claims(reply: Sequence[bytes]) -> Claims:
    """The answer of the claim script."""
    claims, unreadable, foreign = [], [], []
    for at in range(2, len(reply), 6):
        identity, token, attempt, retry_count, weight, document = reply[at : at + 6]
        if not token:
            foreign.append(ForeignJob(identity.decode(errors="replace"), JobPriority(attempt.decode()), document))
            continue
        try:
            spec = read_document(document)
        except ValueError as error:
            unreadable.append((identity.decode(), token.decode(), str(error)))
        else:
            claims.append(Claim(spec, token.decode(), int(attempt), int(retry_count), document, int(weight)))
    server_ms = int(reply[1]) if len(reply) > 1 else None
    return Claims(reply[0].decode().lower(), claims, unreadable, foreign, server_ms)  # type: ignore[arg-type]


def read_enqueued(reply: Sequence[bytes]) -> list[Enqueued]:
    """The answer of the scripts that make jobs: a code and an id for each."""
    return [
        Enqueued(code.decode().lower(), job_id.decode())  # type: ignore[arg-type]
        for code, job_id in zip(reply[::2], reply[1::2], strict=True)
    ]


def read_settled(reply: Sequence[bytes]) -> list[Settled]:
    """The answer of settle and release: a code and a state for each."""
    return [
        Settled(code.decode().lower(), JobStatus(state.decode()) if state else None)  # type: ignore[arg-type]
        for code, state in zip(reply[::2], reply[1::2], strict=True)
    ]
