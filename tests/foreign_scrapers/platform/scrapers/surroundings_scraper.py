"""Tells what it can see from where it runs."""

import os
import sys

from base_scraper import BaseScraper, ScraperResult


class SurroundingsScraper(BaseScraper):
    def __init__(self):
        super().__init__("Surroundings", "SURROUNDINGS")

    async def scrape(self, prefix: str) -> ScraperResult:
        return self.found(
            {
                "environment": {name: value for name, value in os.environ.items() if name.startswith(prefix)},
                "directory": os.getcwd(),
                "first_import_path": sys.path[0],
                "pid": os.getpid(),
                "headless": self.headless,
            }
        )
