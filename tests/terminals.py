"""A program in a real terminal: what it prints, what is typed, how large the window is, what it leaves behind."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.running_system import ROOT, wait_until

SECONDS = 30.0
HOME = "\x1b[H"

# Makes the terminal the program's own, so that Ctrl-C and a new window size reach it as signals.
_ADOPT = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


def plain(output: str) -> str:
    """Output without its escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output)


class InTerminal:
    """One program and the terminal that it runs in."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], columns: int, rows: int) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(columns, rows)
        self._output = bytearray()
        self.before = self.attributes()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ADOPT, *command],
            cwd=ROOT, env=environment, stdin=self._slave, stdout=self._slave, stderr=self._slave,
            start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """Everything that was printed so far, escape sequences included."""
        return bytes(self._output).decode(errors="replace")

    @property
    def screen(self) -> str:
        """What was printed since the screen was last drawn from its top, without styles."""
        return plain(self.output.rpartition(HOME)[2])

    def attributes(self) -> list[object]:
        """The terminal's modes, as `stty` would tell them."""
        return termios.tcgetattr(self._slave)

    def wait_for(self, text: str) -> None:
        """Wait until it was printed, styled or not."""
        wait_until(lambda: text in self.output or text in plain(self.output), SECONDS, f"{text!r} is printed")

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self._output.clear()

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; the exit code."""
        return self._process.wait(SECONDS)

    def end(self) -> None:
        self._process.kill()
        self._process.wait(SECONDS)
        os.close(self._slave)
        self._reader.join(SECONDS)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._master, 65536)
            except OSError:
                return  # nobody holds the other end any more
            if not chunk:
                return
            self._output += chunk


@contextmanager
def in_terminal(*command: str, columns: int = 80, rows: int = 24, **variables: str) -> Iterator[InTerminal]:
    """Run a program in a terminal of its own; it is ended with the block."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(ROOT / "src"),
        "TERM": "xterm-256color", "LANG": "C.UTF-8", **variables,
    }  # fmt: skip
    terminal = InTerminal(command, environment, columns, rows)
    try:
        yield terminal
    finally:
        terminal.end()
