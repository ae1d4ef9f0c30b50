"""Needs a browser: reads the title of the page whose address it is given, after a habit of its own and a bar.

"leave|" leaves the browser open, "wait|" waits for ever, "crash|" dies, "bomb|" takes 600 MB beside the browser.
"""

import asyncio
import os
import signal

from base_scraper import BaseScraper, ScraperResult


class PageScraper(BaseScraper):
    name = "Page"

    async def scrape(self, argument: str) -> ScraperResult:
        habit, _, address = argument.rpartition("|")
        title = await self.title_of(address)
        kept = []
        match habit:
            case "leave":
                self.browser = None
            case "wait":
                await asyncio.Event().wait()
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "bomb":
                kept.append(bytearray(b"x" * 600 * 1024 * 1024))
                await asyncio.sleep(600)
        return self.found({"title": title})
