"""Scrapers that the tests run through the worker. Each does one thing; what they did is in `Recorded.calls`."""

from __future__ import annotations

import asyncio
import math
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import ScraperResult, ScraperSettings


class Recorded:
    """What the scrapers of this process did, in order; `gate` holds back those that wait for it."""

    calls: ClassVar[list[tuple[str, Any]]] = []
    gate: ClassVar[asyncio.Event | None] = None
    doors: ClassVar[dict[Any, asyncio.Event]] = {}

    @classmethod
    def door(cls, ticker: Any) -> asyncio.Event:
        """What holds back the one attempt with this argument."""
        return cls.doors.setdefault(ticker, asyncio.Event())


class _Plain:
    name = "plain"

    async def initialize(self) -> None:
        Recorded.calls.append(("initialize", None))

    async def scrape(self, ticker: str | None) -> Any:
        raise NotImplementedError

    async def cleanup(self) -> None:
        Recorded.calls.append(("cleanup", None))


class Echo(_Plain):
    name = "Echo"

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("scrape", ticker))
        return ScraperResult(success=True, data={"argument": ticker}, source="echo", metadata={"page": 1})


class Gated(_Plain):
    """Runs until the test opens the gate."""

    name = "Gated"

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("scrape", ticker))
        assert Recorded.gate is not None
        await Recorded.gate.wait()
        return ScraperResult(success=True, data={"argument": ticker})


class Light(_Plain):
    """Runs until the test opens the door of its argument."""

    name = "Light"

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("begin", ticker))
        await Recorded.door(ticker).wait()
        Recorded.calls.append(("end", ticker))
        return ScraperResult(success=True, data={"argument": ticker})


class Heavy(Light):
    """The same, for tests that give it a weight."""

    name = "Heavy"


class Surfer(Light):
    """The same, with a browser."""

    name = "Surfer"
    transport = "browser"


class Reports(_Plain):
    """Fails as every existing scraper does: by saying so."""

    name = "Reports"

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("scrape", ticker))
        return ScraperResult(success=False, error=f"no page for {ticker}")


class Raises(_Plain):
    """Raises what its argument says."""

    name = "Raises"

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("scrape", ticker))
        match ticker:
            case "network":
                raise ScrapeError("cannot reach example.invalid: refused", FailureClass.NETWORK)
            case "not_found":
                raise ScrapeError("no such ticker", FailureClass.NOT_FOUND)
            case "bug":
                raise TypeError("unsupported operand")
            case "exit":
                sys.exit(3)
            case "nothing":
                return None
            case _:
                raise RuntimeError(f"broken \0 by \ud800 {ticker}")


class Sleeps(_Plain):
    """Blocks the event loop for as many seconds as its argument says."""

    name = "Sleeps"

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("scrape", ticker))
        time.sleep(float(ticker or 0))  # noqa: ASYNC251 - blocking is what it is for
        return ScraperResult(success=True, data={"slept": ticker})


ODD: dict[str, Any] = {
    "nan": {"value": math.nan},
    "infinity": {"value": [math.inf, -math.inf]},
    "datetime": {"value": datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "day": date(2026, 1, 2)},
    "decimal": {"value": Decimal("12.34")},
    "bytes": {"value": b"\x00\xff"},
    "empty dict": {},
    "empty list": [],
    "zero": 0,
    "surrogate": {"value": "a\ud800b"},
    "nul": {"value": "a\0b"},
    "1e400": {"value": Decimal("1e400")},
    "4.9 MB": {"value": "x" * int(4.9 * 1024 * 1024)},
    "5.1 MB": {"value": "x" * int(5.1 * 1024 * 1024)},
    "object": {"value": object()},
}


class Odd(_Plain):
    """Returns the odd value that its argument names."""

    name = "Odd"

    async def scrape(self, ticker: str | None) -> Any:
        if ticker == "numpy":
            import numpy

            return ScraperResult(success=True, data={"value": numpy.float64(1.5), "count": numpy.int64(7)})
        return ScraperResult(success=True, data=ODD[str(ticker)])


class Logged(_Plain):
    """Appends what it runs to a file that the test reads: an oracle that does not depend on Pregão."""

    name = "Logged"

    async def initialize(self) -> None:
        """Nothing to get ready."""

    async def cleanup(self) -> None:
        """Nothing to give back."""

    async def scrape(self, ticker: str | None) -> Any:
        log = Path(os.environ["PREGAO_TEST_LOG"]) / f"{os.getpid()}.log"
        with log.open("a") as out:
            out.write(f"{time.time():.6f} {ticker}\n")
        await asyncio.sleep(float(os.environ.get("PREGAO_TEST_JOB_SECONDS", "0")))
        return ScraperResult(success=True, data={"argument": ticker})


class Abort(BaseException):
    """Not an Exception: what a library may raise to get past everybody."""


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@dataclass
class HalfMade:
    price: float = field(init=False)


class SyncCleanup(_Plain):
    name = "SyncCleanup"

    def cleanup(self) -> None:  # type: ignore[override]
        raise RuntimeError("there is no browser to close")

    async def scrape(self, ticker: str | None) -> Any:
        return ScraperResult(success=True, data={"argument": ticker})


class Hostile(_Plain):
    """Misbehaves in the way that its argument names."""

    name = "Hostile"

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("scrape", ticker))
        match ticker:
            case "abort":
                raise Abort("out")
            case "unprintable":
                raise Unprintable
            case "half made":
                return ScraperResult(success=True, data=HalfMade())
            case "list metadata":
                return ScraperResult(success=True, data=1, metadata=[1, 2])  # type: ignore[arg-type]
            case "cancels itself":
                inner = asyncio.ensure_future(asyncio.sleep(60))
                inner.cancel()
                await inner
            case "cancels its task" | "cancels its task and returns":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                if ticker == "cancels its task and returns":
                    return ScraperResult(success=True, data=1)
                await asyncio.sleep(60)
        raise AssertionError(ticker)


class Deaf(_Plain):
    """Goes on when it is cancelled, until the test opens the gate."""

    name = "Deaf"

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("scrape", ticker))
        assert Recorded.gate is not None
        while not Recorded.gate.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return ScraperResult(success=True, data={})


class Keyed(_Plain):
    """Cannot do anything without a key."""

    name = "Keyed"
    needs = ("SAMPLE_API_KEY",)

    def __init__(self, settings: ScraperSettings) -> None:
        self._settings = settings

    async def scrape(self, ticker: str | None) -> Any:
        Recorded.calls.append(("scrape", ticker))
        key = self._settings.secret("SAMPLE_API_KEY")
        return ScraperResult(success=True, data={"letters": len(key or "")})


ALL = ",".join(
    f"tests.sample_scrapers:{cls}"
    for cls in (
        "Echo",
        "Gated",
        "Light",
        "Heavy",
        "Surfer",
        "Reports",
        "Raises",
        "Sleeps",
        "Odd",
        "Logged",
        "SyncCleanup",
        "Hostile",
        "Deaf",
        "Keyed",
    )
)
