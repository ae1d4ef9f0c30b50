"""A child process for one purpose, from the parent's side: a request in, messages out, and a certain end."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

OUTPUT_LIMIT_BYTES = 64 * 1024
LOOK_SECONDS = 0.1
LAST_WORDS_SECONDS = 1.0
DRAINING_LOOKS = 100
"""A pipe holds 64 KB; one that is still filled is not read for ever."""
_CHUNK = 64 * 1024
_SOURCE = str(Path(__file__).resolve().parents[2])
# Not -m: a checkout that runs without being installed is found by this process's import path alone.
_BOOT = f"import runpy, sys; sys.path.append({_SOURCE!r}); runpy.run_module(sys.argv[1], run_name='__main__')"
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


class ChildSilent(Exception):
    """The child sent no message within its time."""


class Child:
    """Runs the program `module` with `request` until the `with` block ends; nothing of its process group is left then.

    `environment` is all that it gets. What it prints is drained all the time, and its last 64 KB are in `output`.
    """

    def __init__(self, module: str, request: object, environment: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        printing, printed = os.pipe()
        with tempfile.TemporaryFile() as stdin:
            stdin.write(json.dumps(request).encode())
            stdin.seek(0)
            # -P: the working directory is no place of imports; -X faulthandler: a blow is told with its line.
            options = ["-P", "-u", "-X", "faulthandler", "-c", _BOOT, module, str(os.getpid()), str(writing)]
            try:
                self._process = subprocess.Popen(
                    [sys.executable, *options],
                    stdin=stdin,
                    stdout=printed,
                    stderr=printed,
                    env=dict(environment),
                    pass_fds=(writing,),
                    start_new_session=True,
                )
            except BaseException:
                os.close(reading)
                os.close(printing)
                raise
            finally:
                os.close(writing)
                os.close(printed)
        self._messages, self._output = _Pipe(reading), _Pipe(printing, OUTPUT_LIMIT_BYTES)
        self._selector = selectors.DefaultSelector()
        for pipe in (self._messages, self._output):
            self._selector.register(pipe.descriptor, selectors.EVENT_READ, pipe)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._selector.close()
        for pipe in (self._messages, self._output):
            pipe.close()

    @property
    def output(self) -> str:
        """The end of what it printed so far."""
        for _ in range(DRAINING_LOOKS):
            if not self._read(0):
                break
        return self._output.text

    def receive(self, timeout_seconds: float) -> dict[str, Any] | None:
        """The next message; None when the child has ended. Raises ChildSilent when there is none in time."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            line = self._messages.line()
            if line is not None:
                return _message(line)
            left = deadline - time.monotonic()
            if left <= 0:
                raise ChildSilent
            ended = self._process.poll() is not None
            if not self._read(0 if ended else min(left, LOOK_SECONDS)) and ended:
                return None

    def how_it_ended(self) -> str:
        """In words, once `receive` gave None: `ended with exit code 3`, `was killed by SIGSEGV`."""
        code = self._process.wait()
        if code >= 0:
            return f"ended with exit code {code}"
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"

    def last_words(self) -> str:
        """Have a child that hangs print where, and end; what it printed."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGABRT)
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read(LOOK_SECONDS)
        return self.output

    def _read(self, timeout_seconds: float) -> bool:
        """Take what is there now, waiting for it if need be; whether there was anything."""
        got = False
        for key, _ in self._selector.select(timeout_seconds):
            pipe: _Pipe = key.data
            if pipe.read():
                got = True
            else:
                self._selector.unregister(pipe.descriptor)
        return got

    def _kill(self) -> None:
        """Kill it, what it started, and what is left of its process group."""
        try:
            family = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.Error:
            family = []
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def place_in(output: str, directory: Path) -> tuple[str, int] | None:
    """File and line in `directory` that a child was at when it got a fatal signal, if its output tells."""
    _, fatal, frames = output.rpartition("Current thread")
    for found in _FRAME.finditer(frames if fatal else ""):
        if Path(found["file"]).is_relative_to(directory):
            return found["file"], int(found["line"])
    return None


def _message(line: bytes) -> dict[str, Any]:
    """A line as a message; `garbled` when the users' code wrote into the descriptor."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"event": "garbled", "line": line[:200].decode(errors="replace")}


class _Pipe:
    """One end of a pipe, and what came out of it: the last `limit` bytes where there is one."""

    def __init__(self, descriptor: int, limit: int | None = None) -> None:
        self.descriptor = descriptor
        self._limit = limit
        self._held = bytearray()
        os.set_blocking(descriptor, False)

    @property
    def text(self) -> str:
        return self._held.decode(errors="replace")

    def read(self) -> bool:
        """Take what is there; False at the end of the pipe."""
        try:
            chunk = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return True
        self._held += chunk
        if self._limit is not None:
            del self._held[: -self._limit]
        return bool(chunk)

    def line(self) -> bytes | None:
        """The first whole line, taken out; None when there is none yet."""
        end = self._held.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        return line

    def close(self) -> None:
        os.close(self.descriptor)
