"""Logs in every way that there is, at import and in each call."""

import logging
import sys

from base_scraper import BaseScraper, ScraperResult
from loguru import logger

print("the module speaks")
log = logging.getLogger(__name__)


class TalkativeScraper(BaseScraper):
    def __init__(self):
        super().__init__("Talkative", "TALKATIVE")
        print("the constructor speaks")

    async def scrape(self, ticker: str) -> ScraperResult:
        print(f"printed for {ticker}")
        print(f"printed as an error for {ticker}", file=sys.stderr)
        log.info("logged for %s", ticker)
        logger.info("loguru for {}", ticker)
        return self.found({"ticker": ticker})

    async def cleanup(self):
        print("cleaned up")
