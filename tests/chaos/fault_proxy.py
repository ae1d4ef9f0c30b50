"""A TCP proxy that behaves like a bad network: it cuts, delays and swallows, on demand and by a seeded chance.

It runs in a thread with an event loop of its own, so that a test may block without stopping the traffic. Half of its
cuts drop a request, half drop an answer: then the server has executed, and the client cannot know.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from types import TracebackType

CHUNK_BYTES = 65536


class FaultProxy:
    """Listens on `port` of 127.0.0.1 and forwards to `upstream_port`. Faults are attributes, changed at any time."""

    def __init__(self, upstream_port: int, chance: random.Random) -> None:
        self.cut_probability = 0.0
        """Of each chunk, in either direction: it is dropped and both connections are reset."""
        self.latency_seconds = 0.0
        """Added to each chunk."""
        self.black_hole = False
        """Nothing passes and nothing is reset, for as long as it is set."""
        self.drop_answer_to: bytes | None = None
        """The answer to a request with these bytes is dropped, once the server has given it."""
        self.drop_request_with: bytes | None = None
        """A request with these bytes never reaches the server."""
        self.on_drop: Callable[[], None] = lambda: None
        """Called in the proxy's thread when such an answer or request is about to be dropped."""
        self.cut_requests = self.cut_answers = self.dropped_answers = self.dropped_requests = 0
        self._upstream_port = upstream_port
        self._chance = chance
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        await self._ended.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, self._chance, (writer, up_writer))
        try:
            await asyncio.gather(link.requests(reader, up_writer), link.answers(up_reader, writer))
        except asyncio.CancelledError:
            link.abort()


class _Link:
    """One client and its connection to the server."""

    def __init__(
        self, proxy: FaultProxy, chance: random.Random, ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    ) -> None:
        self._proxy = proxy
        self._chance = chance
        self._ends = ends
        self._drop_next_answer = False

    def abort(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def passes(chunk: bytes) -> bool:
            if self._proxy.drop_request_with is not None and self._proxy.drop_request_with in chunk:
                self._proxy.dropped_requests += 1
                self._proxy.on_drop()
                return False
            if self._proxy.drop_answer_to is not None and self._proxy.drop_answer_to in chunk:
                self._drop_next_answer = True
            if self._chance.random() < self._proxy.cut_probability:
                self._proxy.cut_requests += 1
                return False
            return True

        await self._pump(reader, writer, passes)

    async def answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def passes(_: bytes) -> bool:
            if self._drop_next_answer:
                self._proxy.dropped_answers += 1
                self._proxy.on_drop()
                return False
            if self._chance.random() < self._proxy.cut_probability:
                self._proxy.cut_answers += 1
                return False
            return True

        await self._pump(reader, writer, passes)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[bytes], bool]
    ) -> None:
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                while self._proxy.black_hole:  # noqa: ASYNC110 - set from another thread
                    await asyncio.sleep(0.05)
                if self._proxy.latency_seconds:
                    await asyncio.sleep(self._proxy.latency_seconds)
                if not passes(chunk):
                    break
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass  # one end is gone: so is the other
        finally:
            self.abort()
