"""The runner's end of its stream to the worker: blocking to send, since the scraper has nothing to do meanwhile."""

from __future__ import annotations

import os
import socket
from collections import deque

from pregao.isolation.framing import Unpacker, pack
from pregao.isolation.messages import TO_RUNNER, FromRunner, ToRunner

_PIECE_BYTES = 65536


class WorkerGone(Exception):
    """Nobody listens any more: there is nothing left to do but to clean up and end."""


class Stream:
    """Messages to and from the worker. Only the process that made it speaks: a forked copy that tries to is ended."""

    def __init__(self, descriptor: int) -> None:
        self._owner = os.getpid()
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(True)
        self._unpacker: Unpacker[ToRunner] = Unpacker(TO_RUNNER)
        self._heard: deque[ToRunner] = deque()

    def fileno(self) -> int:
        """To wait for the worker's next word."""
        return self._socket.fileno()

    @property
    def has_more(self) -> bool:
        """Whether a message was heard that nobody has received yet."""
        return bool(self._heard)

    def send(self, message: FromRunner) -> None:
        """Send one message whole. Raises WorkerGone, and BadFrame for one that is too large."""
        if os.getpid() != self._owner:
            os._exit(0)
        try:
            self._socket.sendall(pack(message))
        except OSError as error:
            raise WorkerGone(str(error)) from error

    def receive(self) -> ToRunner | None:
        """Wait for the next message; None when the worker is gone."""
        while not self._heard:
            try:
                piece = self._socket.recv(_PIECE_BYTES)
            except OSError:
                return None
            if not piece:
                return None
            self._heard.extend(self._unpacker.feed(piece))
        return self._heard.popleft()

    def close(self) -> None:
        """Say no more."""
        self._socket.close()
