"""Lets a task of its own, which nobody awaits, raise or exit while it scrapes."""

import asyncio
import sys

from base_scraper import PlainScraper, ScraperResult


class BackgroundScraper(PlainScraper):
    name = "Background"

    async def scrape(self, how: str) -> ScraperResult:
        self.task = asyncio.create_task(self.work(how))
        await asyncio.sleep(0.05)
        return self.found({"how": how})

    async def work(self, how: str) -> None:
        if how == "exit":
            sys.exit(4)
        if how == "stop":
            asyncio.get_running_loop().stop()
        raise ValueError("nobody looks")
