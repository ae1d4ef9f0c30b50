"""Asks the platform for something that it does not have."""

from base_scraper import BaseScraper, ScraperResult
from config import setings


class MisspeltScraper(BaseScraper):
    def __init__(self):
        super().__init__("Misspelt", "MISSPELT")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found(setings.db_host)
