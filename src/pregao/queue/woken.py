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
from pregao.queue.messages import NO_RATION, Claims, Ration
from pregao.queue.replies import translate
from pregao.queue.scripts import hash_of

WAKE_SECONDS = 10.0
ANSWER_SECONDS = 5.0


class WaitAborted(QueueUnavailable):
    """A wait was ended by `WokenClaims.abort`: its claim may have been made or not."""


class WokenClaims:
    """One connection that blocks. A call that is cancelled or aborted closes it; its claim may have been made all the
    same: repeating its sequence number tells, and with `want` 0 makes sure that it is not made later.
    """

    def __init__(self, redis_url: str, commands: QueueCommands) -> None:
        self._client = open_redis(redis_url, timeout_seconds=None, retries=0)
        self._line = Line(self._client)
        self._commands = commands
        self._aborted = self._under_way = False

    async def claim(
        self, worker: str, *, want: int, lease_ms: int, sequence: int, ration: Ration = NO_RATION, slots: int = 0
    ) -> Claims:
        """Claim when there is work, or after ten seconds all the same; what others had to leave is work for those that
        have a ration left. Raises as `QueueCommands.claim` does, and WaitAborted.
        """
        arguments = self._commands.claim_arguments(
            worker, want=want, lease_ms=lease_ms, sequence=sequence, ration=ration, slots=slots
        )
        keys = self._commands.keys
        left_by_others = [keys.wake_others] if ration.left > 0 else []
        self._aborted, self._under_way = False, True
        try:
            return read_claims(await self._send([keys.wake, *left_by_others], arguments))
        except NoScriptError:
            return await self._commands.claim(
                worker, want=want, lease_ms=lease_ms, sequence=sequence, ration=ration, slots=slots
            )
        except (RedisError, OSError) as error:
            if self._aborted:
                raise WaitAborted("the wait for work was given up") from error
            if isinstance(error, RedisError):
                raise translate(error) from error
            raise QueueUnavailable(f"Redis cannot be reached: {error}") from error
        finally:
            self._under_way = False

    def abort(self) -> None:
        """Have the call that is under way raise WaitAborted; without one this does nothing.

        A call that the server has answered already answers all the same.
        """
        if self._under_way:
            self._aborted = True
            self._line.abort()

    async def _send(self, keys: list[str], arguments: list[Any]) -> Any:
        async with asyncio.timeout(ANSWER_SECONDS):  # the greeting is read without a limit, as all is that blocks
            await self._line.connect()
        if self._aborted:
            raise WaitAborted("the wait for work was given up before it began")
        answered = False
        wait = ("BLPOP", *keys, WAKE_SECONDS)
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
