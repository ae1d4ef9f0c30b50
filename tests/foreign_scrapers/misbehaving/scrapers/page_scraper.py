"""Needs a browser: reads the title of the page that its argument is the address of. It may dawdle, or leave it open."""

import asyncio

from base_scraper import BaseScraper, ScraperResult


class PageScraper(BaseScraper):
    name = "Page"

    async def scrape(self, argument: str) -> ScraperResult:
        how, _, address = argument.rpartition("|")
        title = await self.title_of(address)
        if how == "wait":
            await asyncio.Event().wait()
        if how == "leave":
            self.browser = None
        return self.found({"title": title})
