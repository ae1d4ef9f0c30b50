"""Starts processes that start processes, ten generations deep, which is a thousand; each of them lives for a minute."""

import os
import time

from base_scraper import PlainScraper, ScraperResult


class ForkingScraper(PlainScraper):
    name = "Forking"

    async def scrape(self, generations: str) -> ScraperResult:
        for _ in range(int(generations)):
            os.fork()
        time.sleep(60)
        return self.found({"forked": generations})
