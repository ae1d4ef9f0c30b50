"""Needs a package that is not installed."""

import a_package_that_nobody_has
from base_scraper import BaseScraper, ScraperResult


class NeedyScraper(BaseScraper):
    def __init__(self):
        super().__init__("Needy", "NEEDY")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found(a_package_that_nobody_has.get(ticker))
