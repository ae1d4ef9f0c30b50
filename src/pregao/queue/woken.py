"""Waiting for work and claiming it in one round trip.

The claim is sent right behind the blocking BLPOP on the same connection. The server reads it when the wake token comes
and answers both at once: the way from the producer to the worker is one hop shorter. (Valkey and Redis run commands of
one connection in order, and go on with its buffer as soon as it is unblocked.)
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.exceptions import NoScriptError, RedisError, ResponseError

from pregao.domain.errors import QueueUnavailable
from pregao.queue.commands import QueueCommands, read_claims
from pregao.queue.connection import open_redis
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
        self._commands = commands
        self._connection: Any = None

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
        if self._connection is not None and self._connection._writer is not None:
            self._connection._writer.close()

    async def _send(self, arguments: list[Any]) -> Any:
        if self._connection is None:
            async with asyncio.timeout(ANSWER_SECONDS):  # the greeting is read without a limit, as all is that blocks
                self._connection = await self._client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        connection = self._connection
        limit = asyncio.get_running_loop().call_later(WAKE_SECONDS + ANSWER_SECONDS, self.abort)
        answered = False
        try:
            wait = connection.pack_command("BLPOP", self._commands.keys.wake, WAKE_SECONDS)
            claim = connection.pack_command("EVALSHA", hash_of("claim"), 1, *arguments)
            await connection.send_packed_command([*wait, *claim], check_health=False)
            woken, answer = await _read(connection), await _read(connection)
            answered = True
        finally:
            limit.cancel()
            if not answered:
                # Half an answer on this connection would be taken for the next one.
                await self._give_up(nowait=True)
        for part in (woken, answer):
            if isinstance(part, Exception):
                raise part
        return answer

    async def _give_up(self, *, nowait: bool) -> None:
        connection, self._connection = self._connection, None
        await connection.disconnect(nowait=nowait)
        await self._client.connection_pool.release(connection)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._give_up(nowait=False)
        await self._client.aclose()


async def _read(connection: Any) -> Any:
    """An answer, or the error that the server gave for it."""
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error
