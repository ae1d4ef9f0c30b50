"""Holds asyncio primitives in its class, made when the module is loaded, and has several tasks wait for them."""

import asyncio

from base_scraper import PlainScraper, ScraperResult


class SharedGateScraper(PlainScraper):
    name = "SharedGate"
    gate = asyncio.Semaphore(1)
    lock = asyncio.Lock()

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found({"passed": sum(await asyncio.gather(*[self.passed() for _ in range(3)]))})

    async def passed(self) -> int:
        async with self.gate, self.lock:
            await asyncio.sleep(0.01)
        return 1
