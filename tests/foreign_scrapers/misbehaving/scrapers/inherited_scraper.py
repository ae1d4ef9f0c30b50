"""Plain HTTP, and inherits an initialize that starts a browser which it never uses."""

import httpx
from base_scraper import BaseScraper, ScraperResult


class InheritedScraper(BaseScraper):
    name = "Inherited"

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found({"ticker": ticker, "client": httpx.__name__})
