"""Holds asyncio primitives in its class."""

import asyncio

from base_scraper import BaseScraper, ScraperResult


class LimitedScraper(BaseScraper):
    gate = asyncio.Semaphore(1)
    lock = asyncio.Lock()

    def __init__(self):
        super().__init__("Limited", "LIMITED")
        self.loop = asyncio.get_running_loop()

    async def scrape(self, ticker: str) -> ScraperResult:
        async with self.gate, self.lock:
            await asyncio.sleep(0)
            return self.found({"ticker": ticker, "same_loop": self.loop is asyncio.get_running_loop()})
