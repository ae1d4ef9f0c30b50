"""What an attempt prints, read by the worker as it comes and kept within bounds."""

from __future__ import annotations

import asyncio
import os

HEAD_BYTES = 32 * 1024
TAIL_BYTES = 32 * 1024
PIECE_BYTES = 65536
UNHURRIED_AFTER_BYTES = 1024 * 1024
PIPE_PIECES = 16
"""A pipe holds no more, whatever still prints into it."""
PAUSE_SECONDS = 0.005
"""Between two reads of one that prints on and on: it is held back to some 13 MB/s, and the worker notices nothing."""


class BoundedLog:
    """The first and the last 32 KB of a stream of bytes."""

    def __init__(self) -> None:
        self.total_bytes = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, piece: bytes) -> None:
        """Take in what was printed."""
        self.total_bytes += len(piece)
        room = HEAD_BYTES - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:]
        if len(self._tail) > TAIL_BYTES + PIECE_BYTES:
            del self._tail[:-TAIL_BYTES]

    def text(self) -> str | None:
        """All of it, or both ends with a note between them; None when nothing was printed. Fit to be stored."""
        if not self.total_bytes:
            return None
        tail = bytes(self._tail[-TAIL_BYTES:])
        cut = self.total_bytes - len(self._head) - len(tail)
        note = f"\n[… {cut} bytes left out of {self.total_bytes} …]\n".encode() if cut else b""
        return (bytes(self._head) + note + tail).decode(errors="replace").replace("\0", "")


class LogPipe:
    """A pipe that the running event loop empties. `writer` goes to the attempt; `close_writer()` when it has it."""

    def __init__(self) -> None:
        self.log = BoundedLog()
        self._loop = asyncio.get_running_loop()
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._reader, self._read)

    def close_writer(self) -> None:
        """Drop our copy of the attempt's end."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def close(self) -> None:
        """Take what is left in the pipe, and close it."""
        self.close_writer()
        if self._reader < 0:
            return
        for _ in range(PIPE_PIECES):
            if not self._take():
                break
        self._stop_reading()
        os.close(self._reader)
        self._reader = -1

    def _read(self) -> None:
        piece = self._take()
        if piece == b"":
            self._stop_reading()
        elif self.log.total_bytes > UNHURRIED_AFTER_BYTES:
            self._stop_reading()
            self._timer = self._loop.call_later(PAUSE_SECONDS, self._go_on)

    def _take(self) -> bytes | None:
        """Read one piece; b"" at the end, None when there is nothing now."""
        try:
            piece = os.read(self._reader, PIECE_BYTES)
        except BlockingIOError:
            return None
        self.log.add(piece)
        return piece

    def _go_on(self) -> None:
        self._timer = None
        self._loop.add_reader(self._reader, self._read)

    def _stop_reading(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop.remove_reader(self._reader)
