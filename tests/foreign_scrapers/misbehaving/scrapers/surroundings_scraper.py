"""Tells what it can see from where it runs; takes no argument."""

import os
import random
import sys
import tempfile
import threading
from pathlib import Path

from base_scraper import PlainScraper, ScraperResult


class SurroundingsScraper(PlainScraper):
    name = "Surroundings"

    async def scrape(self) -> ScraperResult:
        (Path(tempfile.gettempdir()) / "left.txt").write_text("left behind")
        return self.found(
            {
                "environment": dict(os.environ),
                "directory": os.getcwd(),
                "first_import_path": sys.path[0],
                "temporary": tempfile.gettempdir(),
                "pid": os.getpid(),
                "session": os.getsid(0),
                "parent": os.getppid(),
                "threads": threading.active_count(),
                "nice": os.nice(0),
                "oom_score_adj": Path("/proc/self/oom_score_adj").read_text().strip(),
                "name": Path("/proc/self/comm").read_text().strip(),
                "random": random.random(),
            }
        )
