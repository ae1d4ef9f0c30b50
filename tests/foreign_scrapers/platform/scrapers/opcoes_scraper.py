"""Its module is called otherwise than its class and its name."""

from base_scraper import BaseScraper, ScraperResult


class OpcoesNetScraper(BaseScraper):
    def __init__(self):
        super().__init__("OpcoesNet", "opcoes.net.br")

    async def scrape(self, ticker: str) -> ScraperResult:
        self.driver.get(f"https://opcoes.net.br/opcoes/bovespa/{ticker}")
        return self.found({"page": self.driver.page_source})
