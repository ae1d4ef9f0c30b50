"""Prints as many MB as its argument says, by all the ways there are: print, logging, a child, and C."""

import ctypes
import logging
import subprocess
import sys

from base_scraper import PlainScraper, ScraperResult
from loguru import logger as loguru_logger


class PrintingScraper(PlainScraper):
    name = "Printing"

    async def scrape(self, megabytes: str) -> ScraperResult:
        print("printed first")
        logging.getLogger("platform").warning("logged")
        loguru_logger.info("logged by loguru")
        subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('said by a child\\n')"], check=True)
        libc = ctypes.CDLL(None)
        libc.puts(b"said by C")
        libc.fflush(None)
        for _ in range(int(float(megabytes) * 1024)):
            print("x" * 1023)
        print("printed last")
        return self.found({"megabytes": megabytes})
