"""The website that the limits are for: `python -m tests.chaos.long.source_server LOG SEED`; prints its port.

It writes down each request when it comes and when it is over, and how many of its host are open then. A request is over
when its answer is given, or when the client is gone: whether that one is alive, frozen or dead, it takes nothing from a
website any more.

    GET /HOST/SCRAPER/TICKER?PID                   what the scrapers ask
    GET /.takes/HOST/LEAST_MS/MOST_MS              how long an answer takes from now on, at random
    GET /.gathers/HOST/COUNT                       answer nobody until that many are open at once
    GET /.refuses/HOST/AFTER/STATUS/SECONDS/FORM   after so many requests refuse everybody for so long, with
                                                   Retry-After in `seconds` or as a `date`
"""

from __future__ import annotations

import asyncio
import math
import random
import signal
import sys
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from pregao.embedded.parent import follow_parent


@dataclass
class Refusal:
    """What a host does to the first request after `after` others, and to all for the time that follows."""

    after: int
    status: int
    seconds: float
    form: str


@dataclass
class Host:
    """One name that the website answers to. Times are seconds; `closed_until` is since the epoch."""

    least: float = 0.0
    most: float = 0.0
    open: int = 0
    asked: int = 0
    gathers: int = 0
    gathered: asyncio.Event = field(default_factory=asyncio.Event)
    refusals: list[Refusal] = field(default_factory=list)
    closed_until: float = 0.0

    def refuses(self) -> Refusal | None:
        """How the request that has just come is refused, if it is."""
        if self.closed_until > time.time():
            return self.refusals[0]
        if self.closed_until:
            self.closed_until = 0.0
            del self.refusals[0]
        if self.refusals and self.asked > self.refusals[0].after:
            self.closed_until = time.time() + self.refusals[0].seconds
            return self.refusals[0]
        return None


class Website:
    """All hosts, and the log of what was asked."""

    def __init__(self, log: Path, seed: str) -> None:
        self._log = log.open("a", buffering=1)
        self._chance = random.Random(seed)
        self._hosts: defaultdict[str, Host] = defaultdict(Host)
        self._number = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one request."""
        with suppress(OSError, asyncio.IncompleteReadError):  # a client that is killed while it speaks
            head = await reader.readuntil(b"\r\n\r\n")
            _, about, *words = head.split(b" ", 2)[1].decode().replace("?", "/").split("/")
            answer = self.tell(about, *words) if about.startswith(".") else await self.ask(about, *words, reader)
            writer.write(answer)
            await writer.drain()
        writer.close()

    def tell(self, what: str, name: str, *words: str) -> bytes:
        """What the test wants of a host."""
        host = self._hosts[name]
        if what == ".takes":
            host.least, host.most = int(words[0]) / 1000, int(words[1]) / 1000
        elif what == ".gathers":
            host.gathers = int(words[0])
        else:
            host.refusals.append(Refusal(int(words[0]), int(words[1]), float(words[2]), words[3]))
        return answer_of(200)

    async def ask(self, name: str, scraper: str, ticker: str, pid: str, reader: asyncio.StreamReader) -> bytes:
        """A scraper's request, from its log entry to its log entry."""
        host = self._hosts[name]
        self._number += 1
        number = self._number
        host.asked += 1
        host.open += 1
        self._log.write(f"S {number} {time.time():.6f} {name} {scraper} {ticker} {pid} {host.open}\n")
        status, promised, headers = 0, 0.0, ""
        try:
            if refusal := host.refuses():
                status = refusal.status
                promised, headers = retry_after(host.closed_until, refusal.form)
            elif await self._stayed(host, reader):
                status = 200
        finally:
            host.open -= 1
            self._log.write(f"E {number} {time.time():.6f} {status} {promised:.6f}\n")
        return answer_of(status, headers)

    async def _stayed(self, host: Host, reader: asyncio.StreamReader) -> bool:
        """Work on the answer; False when the client is gone before it is ready."""
        work = asyncio.create_task(self._work(host))
        gone = asyncio.create_task(reader.read(1))
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        stayed = work.done()
        for task in (work, gone):
            task.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)
        return stayed

    async def _work(self, host: Host) -> None:
        if host.gathers and host.open >= host.gathers:
            host.gathered.set()
        if host.gathers:
            await host.gathered.wait()
        await asyncio.sleep(self._chance.uniform(host.least, host.most))


def retry_after(closed_until: float, form: str) -> tuple[float, str]:
    """Until when the client is asked to wait, and the headers that say so; never less than the host stays closed."""
    now = time.time()
    if form == "date":
        until = math.ceil(closed_until)
        return until, f"Date: {formatdate(now, usegmt=True)}\r\nRetry-After: {formatdate(until, usegmt=True)}\r\n"
    seconds = math.ceil(closed_until - now)
    return now + seconds, f"Retry-After: {seconds}\r\n"


def answer_of(status: int, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} So\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()


async def main(log: Path, seed: str) -> None:
    website = Website(log, seed)
    server = await asyncio.start_server(website.serve, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    follow_parent(signal.SIGKILL)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
