"""Takes so many MB, "500" itself and "child 500" in a child of its own, and keeps them."""

import subprocess
import sys
import time

from base_scraper import PlainScraper, ScraperResult

TAKE = "import sys, time\nkept = [bytearray(b'x' * 1048576) for _ in range(int(sys.argv[1]))]\ntime.sleep(600)"


class MemoryScraper(PlainScraper):
    name = "Memory"

    async def scrape(self, megabytes: str) -> ScraperResult:
        *where, count = megabytes.split()
        if where:
            subprocess.run([sys.executable, "-c", TAKE, count], check=False)
            return self.found({"child": "ended"})
        kept = []
        for _ in range(int(count)):
            kept.append(bytearray(b"x" * 1048576))
        time.sleep(600)
        return self.found({"kept": len(kept)})
