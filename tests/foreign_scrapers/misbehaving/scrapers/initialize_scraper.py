"""Fails, hangs or blocks while it gets ready; which, it reads from the environment."""

import asyncio
import os
import time
from pathlib import Path

from base_scraper import BaseScraper, ScraperResult


class InitializeScraper(BaseScraper):
    name = "Initialize"

    async def initialize(self) -> None:
        match os.environ.get("INITIALIZE"):
            case "raise":
                raise ConnectionError("the session server is away")
            case "hang":
                await asyncio.Event().wait()
            case "block":
                time.sleep(600)

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found({"ticker": ticker})

    async def cleanup(self) -> None:
        if "DIARY" in os.environ:
            Path(os.environ["DIARY"]).write_text("cleanup")
