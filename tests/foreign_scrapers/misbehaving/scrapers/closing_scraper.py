"""Closes every descriptor that it did not open itself, as daemons do."""

import os

from base_scraper import PlainScraper, ScraperResult


class ClosingScraper(PlainScraper):
    name = "Closing"

    async def scrape(self, ticker: str) -> ScraperResult:
        os.closerange(3, 256)
        return self.found({"ticker": ticker})
