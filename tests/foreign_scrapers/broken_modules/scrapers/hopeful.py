"""Nothing is wrong with it either, and it is looked at after those that end the process."""

from base_scraper import BaseScraper, ScraperResult


class HopefulScraper(BaseScraper):
    def __init__(self):
        super().__init__("Hopeful", "HOPEFUL")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found({"ticker": ticker})
