"""Gets at another scraper through the package."""

from base_scraper import BaseScraper, ScraperResult

from scrapers import FundamentusScraper


class ValorScraper(BaseScraper):
    def __init__(self):
        super().__init__("Valor Econômico", "VALOR")
        self.fallback = FundamentusScraper()

    async def scrape(self, ticker: str) -> ScraperResult:
        return await self.fallback.scrape(ticker)
