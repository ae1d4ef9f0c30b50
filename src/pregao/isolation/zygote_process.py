"""One zygote from the worker's side: started, given launches, asked to kill, replaced."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

from loguru import logger

from pregao.isolation.framing import BadFrame, Unpacker, pack
from pregao.isolation.interpreter import python
from pregao.isolation.logs import LogPipe
from pregao.isolation.messages import (
    FROM_ZYGOTE,
    Ended,
    FromZygote,
    Kill,
    Launch,
    Prepare,
    Ready,
    Refused,
    Target,
    ToZygote,
    ZygoteMode,
)
from pregao.isolation.preload import stamp_of

START_SECONDS = 60.0
END_SECONDS = 5.0
PIECE_BYTES = 65536
LAST_WORDS = 2000
"""Characters of what a zygote printed that an error repeats."""

Files = dict[str, tuple[int, int]]
"""Paths with what `stamp_of` says of them."""


class ZygoteFailed(Exception):
    """A zygote did not start; the message says why, with the end of what it printed."""


class Flight:
    """One runner that was launched. `pid` is there once it has said hello; `ended` when all of it is gone."""

    def __init__(self, launch: Launch, kill: Callable[[], None]) -> None:
        self.launch = launch
        self.kill = kill
        self.deadline = time.monotonic() + launch.deadline_seconds
        self.pid: int | None = None
        self.ended: asyncio.Future[Ended | Refused] = asyncio.get_running_loop().create_future()

    def end(self, how: Ended | Refused) -> None:
        """Settle it; once."""
        if not self.ended.done():
            self.ended.set_result(how)


class ZygoteProcess:
    """A zygote and its runners. `on_lost(flights)` gets those that still run when it dies.

    Everything happens in the event loop in which it was made.
    """

    def __init__(
        self,
        directory: str,
        mode: ZygoteMode,
        targets: Sequence[Target],
        *,
        environment: Mapping[str, str],
        on_lost: Callable[[list[Flight]], None],
    ) -> None:
        self.directory = directory
        self.mode = mode
        self._targets = list(targets)
        self._environment = dict(environment)
        self._on_lost = on_lost
        self._flights: dict[int, Flight] = {}
        self._retired = False
        self._unpacker: Unpacker[FromZygote] = Unpacker(FROM_ZYGOTE)
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[Ready] = self._loop.create_future()
        self._files: Files = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._output = LogPipe()

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> Ready:
        """Start it and wait until it has loaded its directory. Raises ZygoteFailed; nothing is left then."""
        try:
            control = self._spawn()
            await self._loop.sock_sendall(control, pack(Prepare(self.directory, self.mode, self._targets)))
            async with asyncio.timeout(START_SECONDS):
                ready = await self._ready
        except TimeoutError:
            self.kill()
            raise self._failure(f"did not load within {START_SECONDS:g} s") from None
        except OSError as error:
            self.kill()
            raise self._failure(f"cannot be started: {error}") from error
        except BaseException:
            self.kill()
            raise
        for problem in ready.problems:
            logger.warning("not loaded from {}: {}", self.directory, problem)
        return ready

    def _spawn(self) -> socket.socket:
        """Start the process; our end of its stream. Raises OSError."""
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                python("pregao.isolation.zygote", theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=self._output.writer,
                stderr=self._output.writer,
                pass_fds=[theirs.fileno()],
                env=self._environment,
                start_new_session=True,
            )
        self._output.close_writer()
        self._loop.add_reader(self._control, self._hear)
        return self._control

    @property
    def usable(self) -> bool:
        """Whether it takes launches."""
        return self._control is not None and not self._retired

    @property
    def fresh(self) -> bool:
        """Whether the files that it loaded are as they were."""
        return all(stamp_of(path) == stamp for path, stamp in self._files.items())

    def watch(self, files: Files) -> None:
        """From now on it is fresh as long as these files have these stamps."""
        self._files = files

    def retire(self) -> None:
        """Take no launches any more; it ends with the last of its runners."""
        self._retired = True
        self._close_if_done()

    def close(self) -> None:
        """Let go of it: it kills what still runs, and ends."""
        self._retired = True
        self._disconnect()

    def kill(self) -> None:
        """End it at once. Its runners live on."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._lose()

    def reap(self) -> bool:
        """Whether its process is gone."""
        if self._process is not None and self._process.poll() is None:
            return False
        self._output.close()
        return True

    async def gone(self) -> None:
        """Wait for its end; kill it when it does not come."""
        if self._process is not None:
            try:
                await asyncio.to_thread(self._process.wait, END_SECONDS)
            except subprocess.TimeoutExpired:
                logger.error("the zygote of {} does not end and is killed", self.directory)
                self.kill()
                await asyncio.to_thread(self._process.wait)
        self.reap()

    # --- runners -------------------------------------------------------------------------------------------------

    def launch(self, launch: Launch, descriptors: Sequence[int]) -> Flight:
        """Have a runner started, which gets the descriptors."""
        flight = Flight(launch, lambda: self._send(Kill(launch.id)))
        self._flights[launch.id] = flight
        self._send(launch, descriptors)
        return flight

    def fail(self, why: str) -> None:
        """It does not answer: end it. Its runners are handed to `on_lost`."""
        logger.error("the zygote of {} {}, and is replaced", self.directory, why)
        self.kill()

    def _send(self, message: ToZygote, descriptors: Sequence[int] = ()) -> None:
        if self._control is None:
            return
        frame = pack(message)
        try:
            sent = (
                socket.send_fds(self._control, [frame], list(descriptors)) if descriptors else self._control.send(frame)
            )
        except OSError as error:
            self.fail(f"takes no messages ({error})")
            return
        if sent != len(frame):
            self.fail("reads no messages")

    def _hear(self) -> None:
        if self._control is None:
            return
        try:
            piece = self._control.recv(PIECE_BYTES)
            messages = self._unpacker.feed(piece)
        except (BlockingIOError, InterruptedError):
            return
        except (BadFrame, OSError) as error:
            self.fail(f"cannot be understood: {error}")
            return
        for message in messages:
            self._take(message)
        if not piece:
            self._lose()

    def _take(self, message: FromZygote) -> None:
        match message:
            case Ready():
                if not self._ready.done():
                    self._ready.set_result(message)
            case Ended() | Refused():
                flight = self._flights.pop(message.id, None)
                if flight is not None:
                    flight.end(message)
                self._close_if_done()

    def _close_if_done(self) -> None:
        if self._retired and not self._flights:
            self._disconnect()

    def _lose(self) -> None:
        """The other side is gone, or is given up."""
        self._disconnect()
        if not self._ready.done():
            self._ready.set_exception(self._failure("ended while it loaded its modules"))
            self._ready.exception()  # it may be that nobody waits for it any more
        flights, self._flights = list(self._flights.values()), {}
        if flights:
            logger.error("the zygote of {} is gone{}", self.directory, self._last_words())
            self._on_lost(flights)

    def _disconnect(self) -> None:
        if self._control is not None:
            self._loop.remove_reader(self._control)
            self._control.close()
            self._control = None

    def _failure(self, what: str) -> ZygoteFailed:
        return ZygoteFailed(f"the process for the scrapers of {self.directory} {what}{self._last_words()}")

    def _last_words(self) -> str:
        """The end of what it printed, after a colon; "" when that is nothing."""
        self._output.close()
        said = (self._output.log.text() or "").strip()
        return f": {said[-LAST_WORDS:]}" if said else ""
