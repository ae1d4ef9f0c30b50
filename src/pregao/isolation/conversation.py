"""The worker's side of one attempt: its stream to the runner, and the pipe for what that prints."""

from __future__ import annotations

import asyncio
import socket

from pregao.attempt.outcome import Completed, Failed
from pregao.domain.failure import FailureClass, failure
from pregao.isolation.framing import BadFrame, Unpacker, pack
from pregao.isolation.logs import LogPipe
from pregao.isolation.messages import FROM_RUNNER, FromRunner, Hello, ToRunner

PIECE_BYTES = 256 * 1024


class Conversation:
    """Talks with one runner by callbacks of the running event loop. Use it as a context: its descriptors end with it.

    `hello` gets the runner's pid, `outcome` what it reports, `silence` is done when it says nothing any more. Nobody
    has to wait for any of them.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.hello: asyncio.Future[int] = self._loop.create_future()
        self.outcome: asyncio.Future[Completed | Failed] = self._loop.create_future()
        self.silence: asyncio.Future[None] = self._loop.create_future()
        self._unpacker: Unpacker[FromRunner] = Unpacker(FROM_RUNNER)
        self._unsent = b""
        self._logs = LogPipe()
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._loop.add_reader(self._ours, self._hear)

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_hearing()
        self._ours.close()
        self._theirs.close()
        self._logs.close()

    @property
    def descriptors(self) -> tuple[int, int]:
        """The runner's ends: stream and pipe. They are closed here by `handed_over()`."""
        return self._theirs.fileno(), self._logs.writer

    def handed_over(self) -> None:
        """The zygote has the runner's ends."""
        self._theirs.close()
        self._logs.close_writer()

    def write(self, message: ToRunner) -> None:
        """Leave a message for a runner that does not stand yet. What does not fit is sent by `say`."""
        frame = pack(message)
        try:
            sent = self._ours.send(frame)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # whoever was to pass it on is gone: that shows otherwise
        self._unsent = frame[sent:]

    async def say(self, message: ToRunner | None = None) -> None:
        """Send what is unsent, and a message. A runner that is gone does not hear it: that shows otherwise."""
        frame, self._unsent = self._unsent + (pack(message) if message else b""), b""
        if frame:
            try:
                await self._loop.sock_sendall(self._ours, frame)
            except OSError:
                self._stop_hearing()

    def logs(self) -> str | None:
        """What was printed, once nobody prints any more; closes the pipe."""
        self._logs.close()
        return self._logs.log.text()

    def _hear(self) -> None:
        try:
            piece = self._ours.recv(PIECE_BYTES)
            messages = self._unpacker.feed(piece)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._stop_hearing()  # it was killed with a word of ours unread
            return
        except BadFrame as error:
            self._judge(Failed(failure(FailureClass.BUG, f"the scraper's process cannot be understood: {error}")))
            self._stop_hearing()
            return
        for message in messages:
            self._take(message)
        if not piece:
            self._stop_hearing()

    def _take(self, message: FromRunner) -> None:
        if not isinstance(message, Hello):
            self._judge(message)
        elif not self.hello.done():
            self.hello.set_result(message.pid)

    def _judge(self, outcome: Completed | Failed) -> None:
        """The first word counts: what comes after it, in a cleanup that failed, does not."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def _stop_hearing(self) -> None:
        self._loop.remove_reader(self._ours)
        if not self.silence.done():
            self.silence.set_result(None)
