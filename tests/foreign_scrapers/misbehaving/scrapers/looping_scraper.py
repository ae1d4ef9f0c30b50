"""Never comes to an end, and awaits nothing meanwhile."""

from base_scraper import PlainScraper, ScraperResult


class LoopingScraper(PlainScraper):
    name = "Looping"

    async def scrape(self, ticker: str) -> ScraperResult:
        rounds = 0
        while True:
            rounds += 1
