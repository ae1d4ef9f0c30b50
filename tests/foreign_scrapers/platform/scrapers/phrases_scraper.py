"""Gives back its argument, of any case and length, in data of many kinds."""

from datetime import date
from decimal import Decimal

from base_scraper import BaseScraper, ScraperResult


class PhrasesScraper(BaseScraper):
    def __init__(self):
        super().__init__("Phrases", "PHRASES")

    async def scrape(self, phrase: str = "the phrase of its own") -> ScraperResult:
        data = {"phrase": phrase, "length": len(phrase), "price": Decimal("1.50"), "day": date(2026, 11, 24)}
        return self.found({**data, "nothing": float("nan")}, language="pt-BR")
