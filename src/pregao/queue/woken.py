"""Waiting for work and claiming it in one round trip.

The claim is sent right behind the blocking BLPOP on the same connection. The server reads it when the wake token comes
and answers both at once: the way from the producer to the worker is one hop shorter. (Valkey and Redis run commands of
one connection in order, and go on with its buffer as soon as it is unblocked.)
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from pregao.domain.errors import QueueUnavailable
from pregao.queue.commands import QueueCommands, read_claims
from pregao.queue.connection import open_redis
from pregao.queue.line import Line
from pregao.queue.messages import Claims
from pregao.queue.replies import translate
from pregao.queue.scripts import hash_of

WAKE_SECONDS = 10.0
ANSWER_SECONDS = 5.0


class WokenClaims:
    """One connection that blocks. A call that is cancelled or aborted closes it; its claim may have been made all the
    same: repeating its sequence number with `want` 0 tells, and makes sure that it is not made later.
    """

    def __init__(self, redis_url: str, commands: QueueCommands) -> None:
        self._client = open_redis(redis_url, timeout_seconds=None, retries=0)
        self._line = Line(self._client)
        self._commands = commands

    async def claim(self, worker: str, *, want: int, lease_ms: int, sequence: int) -> Claims:
        """Claim when there is work, or after ten seconds all the same. Raises as `QueueCommands.claim` does."""
        arguments = self._commands.claim_arguments(worker, want=want, lease_ms=lease_ms, sequence=sequence)
        try:
            return read_claims(await self._send(arguments))
        except NoScriptError:
            return await self._commands.claim(worker, want=want, lease_ms=lease_ms, sequence=sequence)
        except RedisError as error:
            raise translate(error) from error
        except OSError as error:
            raise QueueUnavailable(f"Redis cannot be reached: {error}") from error

    def abort(self) -> None:
        """Close the connection: a call that waits raises QueueUnavailable, and its claim may have been made or not."""
        self._line.abort()

    async def _send(self, arguments: list[Any]) -> Any:
        answered = False
        wait = ("BLPOP", self._commands.keys.wake, WAKE_SECONDS)
        claim = ("EVALSHA", hash_of("claim"), 1, *arguments)
        woken, answer = await self._line.send(wait, claim, timeout_seconds=WAKE_SECONDS + ANSWER_SECONDS)
        try:
            # The claim is answered whatever came of the wait, and both have to be seen.
            await asyncio.wait((answer,))
            answered = True
        finally:
            if not answered:
                self._line.abort()
        woken.result()
        return answer.result()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._line.aclose()
        await self._client.aclose()
