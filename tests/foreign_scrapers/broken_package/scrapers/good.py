"""Nothing is wrong with it."""

from base_scraper import BaseScraper, ScraperResult


class GoodScraper(BaseScraper):
    def __init__(self):
        super().__init__("Good", "GOOD")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found({"ticker": ticker})
