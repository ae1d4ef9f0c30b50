"""The website of a long run, from outside: started, told what to do, and asked what it saw."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.chaos.fleet import ROOT

from pregao.embedded.parent import as_parent


@dataclass
class Request:
    """One request as the website saw it. Times are seconds since the epoch.

    `open_then` counts those of its host that were open when it came, itself included. `status` is 0 when the client was
    gone before the answer; `asked_until` is when a refused client may come back, 0 for one that was not refused.
    """

    host: str
    scraper: str
    ticker: str
    pid: int
    open_then: int
    opened: float
    ended: float | None = None
    status: int | None = None
    asked_until: float = 0.0


class Source:
    """The website's process, and its log."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process = process
        self.port = port
        self._log = log
        self._read_to = 0
        self._requests: list[Request] = []

    def requests(self, host: str | None = None) -> list[Request]:
        """Every request so far, or those of one host, in the order in which they came."""
        with self._log.open() as log:
            log.seek(self._read_to)
            text = log.read()
        whole = text[: text.rfind("\n") + 1]
        self._read_to += len(whole)
        for line in whole.splitlines():
            self._note(*line.split(" "))
        return [request for request in self._requests if host in (None, request.host)]

    def _note(self, what: str, number: str, moment: str, *words: str) -> None:
        if what == "S":
            host, scraper, ticker, pid, open_then = words
            self._requests.append(Request(host, scraper, ticker, int(pid), int(open_then), float(moment)))
        else:
            request = self._requests[int(number) - 1]
            request.ended, request.status, request.asked_until = float(moment), int(words[0]), float(words[1])

    def asks(self, pid: int, host: str) -> bool:
        """Whether a request of that process is under way."""
        return any(request.pid == pid and request.ended is None for request in self.requests(host))

    async def takes(self, host: str, least_ms: int, most_ms: int) -> None:
        """An answer takes as long as this from now on."""
        await self._tell("takes", host, least_ms, most_ms)

    async def gathers(self, host: str, count: int) -> None:
        """Answer nobody until so many requests are open at once."""
        await self._tell("gathers", host, count)

    async def refuses(
        self, host: str, seconds: float, *, after: int, status: int, form: Literal["seconds", "date"]
    ) -> None:
        """After that many requests refuse everybody for so long, with Retry-After in that form."""
        await self._tell("refuses", host, after, status, seconds, form)

    async def _tell(self, *words: object) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET /.{'/'.join(map(str, words))} HTTP/1.1\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == b"200", words
        writer.close()

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@asynccontextmanager
async def running_source(home: Path, seed: float) -> AsyncIterator[Source]:
    """A website of the test's own. Its process dies with this one."""
    log = home / "source.log"
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.long.source_server", str(log), str(seed)],
        env={**os.environ, **as_parent(), "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout as told:
        port = int(await asyncio.to_thread(told.readline))
    source = Source(process, port, log)
    try:
        yield source
    finally:
        source.stop()


def most_at_once(requests: Iterable[Request]) -> int:
    """The largest number that was open at the same time; one that ends as another comes was over before it."""
    changes: list[tuple[float, int]] = []
    for request in requests:
        changes.append((request.opened, 1))
        if request.ended is not None:
            changes.append((request.ended, -1))
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def most_within(moments: Iterable[float], seconds: float) -> int:
    """The largest number of moments in any such span, its end excluded."""
    ordered = sorted(moments)
    most = first = 0
    for at, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, at + 1 - first)
    return most
