"""Forks and lets the copy return as if it were the original."""

import os

from base_scraper import PlainScraper, ScraperResult


class ForkedCopyScraper(PlainScraper):
    name = "ForkedCopy"

    async def scrape(self, ticker: str) -> ScraperResult:
        copy = os.fork() == 0
        if not copy:
            os.wait()
        return self.found({"copy": copy})
