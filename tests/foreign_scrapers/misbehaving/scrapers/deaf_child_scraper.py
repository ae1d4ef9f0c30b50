"""Leaves a child behind that ignores SIGTERM, with a child of its own; writes both pids to the file that it is given.

With "wait:" before the file it waits for ever.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from base_scraper import PlainScraper, ScraperResult

DEAF = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(600)
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(600)
"""


class DeafChildScraper(PlainScraper):
    name = "DeafChild"

    async def scrape(self, argument: str) -> ScraperResult:
        wait, _, path = argument.rpartition(":")
        subprocess.Popen([sys.executable, "-c", DEAF, path])
        while not Path(path).exists() or len(Path(path).read_text().split()) < 2:
            await asyncio.sleep(0.01)
        if wait:
            await asyncio.Event().wait()
        return self.found({"left": 2})
