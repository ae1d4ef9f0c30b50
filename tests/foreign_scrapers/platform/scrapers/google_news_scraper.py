"""Named by its class; `GoogleNews` for short."""

import httpx
from base_scraper import BaseScraper, ScraperResult


class GoogleNewsScraper(BaseScraper):
    name = "Google News"
    canary = "Petrobras dividendos"

    def __init__(self):
        super().__init__(self.name, "news.google.com")

    async def scrape(self, phrase: str) -> ScraperResult:
        return self.found([{"title": f"About {phrase}", "client": httpx.__name__}])
