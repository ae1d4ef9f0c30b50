"""Drives a browser, which it imports when it needs one."""

from base_scraper import BaseScraper, ScraperResult


class InvestingScraper(BaseScraper):
    def __init__(self):
        super().__init__("Investing.com", "INVESTING")

    async def initialize(self):
        from playwright.async_api import async_playwright

        self.playwright = await async_playwright().start()
        self.browser = await self.playwright.chromium.launch(headless=self.headless)

    async def scrape(self, ticker: str) -> ScraperResult:
        page = await self.browser.new_page()
        await page.goto(f"https://www.investing.com/search/?q={ticker}")
        return self.found({"title": await page.title()})
