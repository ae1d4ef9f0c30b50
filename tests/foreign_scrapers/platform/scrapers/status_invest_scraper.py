"""Needs a login, kept in a cookie file beside the scrapers."""

from pathlib import Path

import httpx
from base_scraper import BaseScraper, ScraperResult

COOKIES = Path("status_invest_cookies.json")


class StatusInvestScraper(BaseScraper):
    def __init__(self):
        super().__init__("StatusInvest", "STATUSINVEST", requires_login=True)

    async def scrape(self, ticker: str) -> ScraperResult:
        if not COOKIES.exists():
            raise PermissionError(f"log in first: {COOKIES.absolute()} is missing ({httpx.codes.UNAUTHORIZED})")
        return self.found({"ticker": ticker})
