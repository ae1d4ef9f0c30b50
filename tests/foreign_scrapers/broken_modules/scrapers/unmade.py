"""Loads, and cannot be made."""

from base_scraper import BaseScraper, ScraperResult


class UnmadeScraper(BaseScraper):
    def __init__(self):
        super().__init__("Unmade", "UNMADE")
        raise RuntimeError("no profile directory")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found(ticker)


class ParametrisedScraper(BaseScraper):
    def __init__(self, region: str):
        super().__init__(f"Region {region}", "REGION")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found(ticker)
