"""The scraper of the long runs: it writes down when it begins and when it ends, and knows nothing of the queue."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from pathlib import Path
from typing import Any

from pregao.scrapers.base import ScraperResult

LOG, JOB_SECONDS, RESULT_BYTES = "PREGAO_TEST_LOG", "PREGAO_TEST_JOB_SECONDS", "PREGAO_TEST_RESULT_BYTES"


class Witness:
    """Appends `S time ticker` and `E time ticker` to a file of its process: what is written survives every death."""

    name = "Witness"

    async def initialize(self) -> None:
        """Nothing to get ready."""

    async def cleanup(self) -> None:
        """Nothing to give back."""

    async def scrape(self, ticker: str | None) -> Any:
        write_down("S", ticker)
        await asyncio.sleep(float(os.environ.get(JOB_SECONDS, "0")))
        write_down("E", ticker)
        data = {"argument": ticker}
        if size := int(os.environ.get(RESULT_BYTES, "0")):
            data["page"] = base64.b64encode(os.urandom(size * 3 // 4)).decode()
        return ScraperResult(success=True, data=data)


def write_down(what: str, ticker: str | None) -> None:
    """One line in the file of this process."""
    with (Path(os.environ[LOG]) / f"{os.getpid()}.log").open("a") as log:
        log.write(f"{what} {time.time():.6f} {ticker}\n")
