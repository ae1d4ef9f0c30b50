"""Blocks its event loop for as many seconds as its argument says."""

import time

from base_scraper import PlainScraper, ScraperResult


class BlockingScraper(PlainScraper):
    name = "Blocking"

    async def scrape(self, seconds: str) -> ScraperResult:
        time.sleep(float(seconds))
        return self.found({"slept": float(seconds)})
