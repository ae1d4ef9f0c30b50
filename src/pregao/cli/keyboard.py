"""Single keys from the terminal, without Enter and without an echo; the terminal is given back as it was."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable
from types import TracebackType
from typing import Any


class Keyboard:
    """Calls `on_key` with what was typed, while it is grabbed. Does nothing when standard input is no terminal.

    As a context manager it is grabbed for the block. `on_end` is called when the terminal has gone away.
    """

    def __init__(self, on_key: Callable[[str], None], on_end: Callable[[], None]) -> None:
        self._on_key, self._on_end = on_key, on_end
        self._saved: list[Any] | None = None

    def __enter__(self) -> Keyboard:
        self.grab()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()

    def grab(self) -> None:
        """Take the keyboard; call it in a running event loop."""
        if self._saved is None and sys.stdin.isatty():
            descriptor = sys.stdin.fileno()
            self._saved = termios.tcgetattr(descriptor)
            tty.setcbreak(descriptor)
            asyncio.get_running_loop().add_reader(descriptor, self._read)

    def give_back(self) -> None:
        """Restore the terminal; a second call does nothing."""
        if self._saved is not None:
            descriptor = sys.stdin.fileno()
            asyncio.get_running_loop().remove_reader(descriptor)
            termios.tcsetattr(descriptor, termios.TCSADRAIN, self._saved)
            self._saved = None

    def _read(self) -> None:
        try:
            typed = os.read(sys.stdin.fileno(), 1024)
        except OSError:
            typed = b""
        if not typed:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._on_end()
            return
        self._on_key(typed.decode(errors="replace"))
