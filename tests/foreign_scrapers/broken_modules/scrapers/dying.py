"""Ends its process without a word."""

import os

from base_scraper import BaseScraper, ScraperResult

os._exit(3)


class DyingScraper(BaseScraper):
    def __init__(self):
        super().__init__("Dying", "DYING")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found(ticker)
