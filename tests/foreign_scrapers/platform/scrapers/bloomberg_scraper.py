"""`Bloomberg` for short."""

from base_scraper import BaseScraper, ScraperResult


class BloombergScraper(BaseScraper):
    def __init__(self):
        super().__init__("Bloomberg Línea", "BLOOMBERG_LINEA")

    async def scrape(self, ticker: str) -> ScraperResult:
        return self.found({"ticker": ticker})
