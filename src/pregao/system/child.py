"""One role in a process of its own, started again with growing pauses when it dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence

from loguru import logger

from pregao.domain.clock import Clock
from pregao.queue.process import PREDECESSOR, name_of

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A child that ran for so long has recovered: its next pause is the first one again."""


class Child:
    """A process that is to run until `stop()`."""

    def __init__(self, role: str, command: Sequence[str], environment: Mapping[str, str], clock: Clock) -> None:
        self.role = role
        self.restarts = 0
        self._command = [*command, role]
        self._environment = dict(environment)
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def run(self) -> None:
        """Keep it running; returns after `stop()`. Call it from the main thread's loop."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            begun = self._clock.monotonic()
            # A session of its own: Ctrl-C in the terminal is for the supervisor, which stops the rest in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
            )
            name = name_of(self._process.pid)
            if self._stopping.is_set():
                self.signal(signal.SIGTERM)
            code = await self._process.wait()
            self._environment[PREDECESSOR] = name
            if self._stopping.is_set():
                return
            if self._clock.monotonic() - begun > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            logger.error("{} ended {}; starting it again in {:g} s", self.role, _told(code), pause)
            self.restarts += 1
            await self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def stop(self) -> None:
        """Ask it to end; it is not started again."""
        self._stopping.set()
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once; it is not started again."""
        self._stopping.set()
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send `number` to the process, if it runs."""
        if self.pid is not None and self._process is not None:
            try:
                self._process.send_signal(number)
            except ProcessLookupError:
                logger.debug("{} had already ended", self.role)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def _told(code: int) -> str:
    return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
