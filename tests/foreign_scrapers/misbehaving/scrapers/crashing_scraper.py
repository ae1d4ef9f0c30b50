"""Dies in the way that its argument names."""

import ctypes
import os
import signal
import sys

from base_scraper import PlainScraper, ScraperResult


class CrashingScraper(PlainScraper):
    name = "Crashing"

    async def scrape(self, how: str) -> ScraperResult:
        print(f"about to go by {how}")
        match how:
            case "segfault":
                ctypes.string_at(0)
            case "os._exit":
                os._exit(3)
            case "sys.exit":
                sys.exit(3)
            case "abort":
                os.abort()
            case "SIGKILL":
                os.kill(os.getpid(), signal.SIGKILL)
        return self.found({"survived": how})
