"""Gives up when its preconditions are not met."""

import sys

from base_scraper import BaseScraper, ScraperResult

sys.exit("no licence")


class LeavingScraper(BaseScraper):
    def __init__(self):
        super().__init__("Leaving", "LEAVING")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found(ticker)
