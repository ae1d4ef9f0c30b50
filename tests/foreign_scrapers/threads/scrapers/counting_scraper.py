"""Counts the jobs of its process, shares a semaphore among them, and fails or dies when it is told to."""

import asyncio
import os
import subprocess
import sys

from base_scraper import BaseScraper, ScraperResult


class CountingScraper(BaseScraper):
    name = "Counting"
    jobs = 0
    gate = asyncio.Semaphore(1)

    async def scrape(self, how: str) -> ScraperResult:
        CountingScraper.jobs += 1
        print(f"job {CountingScraper.jobs}: {how}")
        if how == "die":
            os._exit(3)
        if how == "fail":
            return ScraperResult(success=False, error="told to fail")
        if how == "leave":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        if how == "wait":
            await asyncio.sleep(600)
        self.left_alone = asyncio.create_task(asyncio.sleep(600))
        await asyncio.gather(self.pass_gate(), self.pass_gate())
        return ScraperResult(success=True, data={"pid": os.getpid(), "jobs": CountingScraper.jobs})

    async def pass_gate(self) -> None:
        async with self.gate:
            await asyncio.sleep(0.01)
