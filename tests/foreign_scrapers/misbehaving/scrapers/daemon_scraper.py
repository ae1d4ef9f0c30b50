"""Starts a daemon as they did in the old days: two forks, a session of its own, no parent that waits for it.

"leave:FILE" returns then, "crash:FILE" dies, "wait:FILE" waits for ever; the daemon's pid is in FILE.
"""

import asyncio
import os
import signal
import time
from pathlib import Path

from base_scraper import PlainScraper, ScraperResult


class DaemonScraper(PlainScraper):
    name = "Daemon"

    async def scrape(self, argument: str) -> ScraperResult:
        what, _, path = argument.partition(":")
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                Path(path).write_text(str(os.getpid()))
                time.sleep(600)
            os._exit(0)
        os.waitpid(child, 0)
        while not Path(path).exists() or not Path(path).read_text():
            await asyncio.sleep(0.01)
        if what == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if what == "wait":
            await asyncio.Event().wait()
        return self.found({"daemon": int(Path(path).read_text())})
