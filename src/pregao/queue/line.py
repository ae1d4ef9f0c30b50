"""One connection for the calls that have to be quick, without the layers that make redis-py's client general.

redis-py connects, authenticates and encrypts; then its transport speaks to the protocol below. A command costs a third
of the time that `Redis.execute_command` takes for it, and commands do not wait for each other's answers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import hiredis
import redis.asyncio as redis_async
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as RedisTimeoutError

Answer = asyncio.Future[Any]


class Line:
    """Commands on one connection of a client, answered in the order in which they were sent.

    Connects at the first call, and again at the first one after it was lost.
    """

    def __init__(self, client: redis_async.Redis) -> None:
        self._pool = client.connection_pool
        self._connection: Any = None
        self._wire: Wire | None = None
        self._connecting = asyncio.Lock()

    async def call(self, *command: Any, timeout_seconds: float | None) -> Any:
        """One command and its answer.

        Raises what redis-py raises: ResponseError and its kin, ConnectionError, and TimeoutError, after which the
        connection is a new one. A caller that is cancelled leaves its answer to be thrown away.
        """
        return await (await self.send(command, timeout_seconds=timeout_seconds))[0]

    async def send(self, *commands: tuple[Any, ...], timeout_seconds: float | None) -> list[Answer]:
        """Several commands in one piece; their answers, which come within the timeout.

        Without an answer by then the connection is cut under all callers: whatever it would bring is not known to be
        whose. Raises ConnectionError, and what packing raises for a word that Redis cannot take.
        """
        wire = await self.connect()
        return wire.send(commands, timeout_seconds)

    async def connect(self) -> Wire:
        """The connection, which is made if there is none. Raises as `call` does."""
        if self._wire is not None and self._wire.alive:
            return self._wire
        return await self._connect()

    def abort(self) -> None:
        """Cut the connection: whoever waits for an answer gets ConnectionError."""
        if self._wire is not None:
            self._wire.abort()

    async def aclose(self) -> None:
        """Give the connection back, closed."""
        self.abort()
        self._wire = None
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

    async def _connect(self) -> Wire:
        async with self._connecting:
            if self._wire is not None and self._wire.alive:
                return self._wire
            if self._connection is None:
                self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
            else:
                await self._connection.disconnect(nowait=True)
                await self._connection.connect()
            transport = self._connection._writer.transport
            self._wire = Wire(transport, self._connection._parser.parse_error)
            return self._wire


class Wire(asyncio.Protocol):
    """Takes a transport over from redis-py, which is told when the connection ends."""

    def __init__(self, transport: Any, parse_error: Callable[[str], Exception]) -> None:
        self.alive = True
        self._transport = transport
        self._before = transport.get_protocol()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=parse_error)
        self._awaited: deque[Answer] = deque()
        self._loop = asyncio.get_running_loop()
        if transport.is_closing():
            raise RedisConnectionError("Connection closed by server")
        transport.set_protocol(self)

    def send(self, commands: tuple[tuple[Any, ...], ...], timeout_seconds: float | None) -> list[Answer]:
        """Write the commands, and expect their answers."""
        packed = b"".join(map(hiredis.pack_command, commands))
        answers = [self._loop.create_future() for _ in commands]
        self._awaited += answers
        if timeout_seconds is not None:
            limit = self._loop.call_later(timeout_seconds, self._give_up, timeout_seconds)
            answers[-1].add_done_callback(lambda _: limit.cancel())
        self._transport.write(packed)
        return answers

    def data_received(self, data: bytes) -> None:
        """Hand out the answers that are complete."""
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                self._settle(self._awaited.popleft(), answer)
        except (InvalidResponse, IndexError) as error:
            self.abort(RedisConnectionError(f"the server sent what is no answer: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing more will come."""
        self._fail(RedisConnectionError(f"Connection closed by server{f': {error}' if error else ''}"))
        self._before.connection_lost(error)

    def eof_received(self) -> None:
        """The server has closed its side: so does the transport."""

    def pause_writing(self) -> None:
        """Nobody is slowed down: whoever calls waits for its answer, and there are few of them."""

    def resume_writing(self) -> None:
        """See `pause_writing`."""

    def abort(self, error: Exception | None = None) -> None:
        """End the connection now."""
        self._fail(error or RedisConnectionError("the connection was cut"))
        self._transport.abort()

    def _fail(self, error: Exception) -> None:
        self.alive = False
        while self._awaited:
            self._settle(self._awaited.popleft(), error)

    def _give_up(self, timeout_seconds: float) -> None:
        self.abort(RedisTimeoutError(f"no answer within {timeout_seconds:g} s"))

    def _settle(self, awaited: Answer, answer: object) -> None:
        if awaited.done():
            return
        if isinstance(answer, Exception):
            awaited.set_exception(answer)
            awaited.exception()  # who was cancelled meanwhile does not ask for it, and asyncio would complain
        else:
            awaited.set_result(answer)
