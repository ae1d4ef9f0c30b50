"""Takes its process down by a bad pointer."""

import ctypes

from base_scraper import BaseScraper, ScraperResult

ctypes.string_at(0)


class CrashingScraper(BaseScraper):
    def __init__(self):
        super().__init__("Crashing", "CRASHING")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found(ticker)
