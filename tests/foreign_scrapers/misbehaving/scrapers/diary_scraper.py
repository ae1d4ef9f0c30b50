"""Keeps a diary in the file that its argument names after a colon, and does what is listed before it."""

import asyncio
import os
import time
from pathlib import Path

from base_scraper import PlainScraper, ScraperResult


class DiaryScraper(PlainScraper):
    name = "Diary"
    words: frozenset[str] = frozenset()
    diary = Path("/dev/null")

    def write(self, entry: str) -> None:
        with self.diary.open("a") as file:
            file.write(f"{entry}\n")

    async def scrape(self, argument: str) -> ScraperResult:
        words, _, path = argument.rpartition(":")
        self.words, self.diary = frozenset(words.split(", ")), Path(path)
        self.write("scrape")
        if "raise" in self.words:
            raise ValueError("the page has no table")
        if "hang" in self.words:
            await self.hang()
        if "block" in self.words:
            time.sleep(600)
        return self.found({"diary": path})

    async def hang(self) -> None:
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                self.write("cancelled")
                if "deaf" not in self.words:
                    raise

    async def cleanup(self) -> None:
        self.write("cleanup")
        if "hanging cleanup" in self.words:
            await asyncio.sleep(600)
        if "blocking cleanup" in self.words:
            time.sleep(600)
        if "raising cleanup" in self.words:
            raise RuntimeError("the page is closed already")
        if "dying cleanup" in self.words:
            os._exit(9)
        self.write("cleaned")
