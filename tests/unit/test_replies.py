"""What an error of Redis means: whether trying again may help."""

from __future__ import annotations

import pytest
from redis.asyncio.connection import Connection
from redis.exceptions import RedisError

from pregao.domain.errors import GenerationMissing, QueueError, QueueFull, QueueUnavailable
from pregao.queue.replies import translate


def answered(line: str) -> RedisError:
    """The error that redis-py makes of what the server says."""
    error = Connection()._parser.parse_error(line)
    assert isinstance(error, RedisError)
    return error


@pytest.mark.parametrize(
    "line",
    [
        "READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "CLUSTERDOWN The cluster is down",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "NOREPLICAS Not enough good replicas to write.",
        "BUSY Redis is busy running a script.",
        "LOADING Redis is loading the dataset in memory",
        "UNBLOCKED force unblock from blocking operation, instance state changed",
    ],
)
def test_what_passes_by_itself_is_worth_another_try(line: str) -> None:
    assert type(translate(answered(line))) is QueueUnavailable


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", QueueFull),
        ("MISCONF Errors writing to the AOF file: No space left on device", QueueFull),
        ("NOGEN this Redis holds no generation marker", GenerationMissing),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", QueueError),
    ],
)
def test_what_does_not_pass_says_what_it_is(line: str, kind: type[QueueError]) -> None:
    assert type(translate(answered(line))) is kind
