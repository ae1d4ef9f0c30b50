"""Scrapers that ask the website of `source_server.py` once, and write down what they do as `witness.py` does."""

from __future__ import annotations

import asyncio
import os
from types import SimpleNamespace
from typing import Any

from tests.chaos.long.witness import write_down

from pregao.scrapers.base import ScraperResult

SOURCE_PORT = "PREGAO_TEST_SOURCE_PORT"


class Refused(Exception):
    """An answer that is no result; `response` has its status and headers, as exceptions of HTTP clients have."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(f"the source answered {status}")
        self.response = SimpleNamespace(status_code=status, headers=headers)


class Asking:
    """Asks its `host` for the ticker. Each class below is a scraper of its own."""

    name = ""
    host = ""

    async def initialize(self) -> None:
        """Nothing to get ready."""

    async def cleanup(self) -> None:
        """Nothing to give back."""

    async def scrape(self, ticker: str | None) -> Any:
        write_down("S", ticker)
        status, headers = await ask(f"/{self.host}/{self.name}/{ticker}?{os.getpid()}")
        write_down("E", ticker)
        if status != 200:
            raise Refused(status, headers)
        return ScraperResult(success=True, data={"argument": ticker})


class Amber(Asking):
    name, host = "Amber", "alpha.test"


class Azure(Asking):
    name, host = "Azure", "alpha.test"


class Brown(Asking):
    name, host = "Brown", "bravo.test"


class Coral(Asking):
    name, host = "Coral", "charlie.test"


class Cyan(Asking):
    name, host = "Cyan", "charlie.test"


class Denim(Asking):
    name, host = "Denim", "delta.test"


SCRAPERS = (Amber, Azure, Brown, Coral, Cyan, Denim)
ALL = ",".join(f"{__name__}:{scraper.__name__}" for scraper in SCRAPERS)
HOSTS = {scraper.name: scraper.host for scraper in SCRAPERS}


async def ask(path: str) -> tuple[int, dict[str, str]]:
    """One request on a connection of its own, so that nothing waits for another one's; status and headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ[SOURCE_PORT]))
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: source\r\n\r\n".encode())
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    finally:
        writer.close()
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines if line)
