"""Takes no argument."""

from base_scraper import BaseScraper, ScraperResult


class MacroScraper(BaseScraper):
    def __init__(self):
        super().__init__("Macro", "MACRO")

    async def scrape(self) -> ScraperResult:
        return self.found({"selic": 15.0, "ipca": 0.4, "comment": ""})
