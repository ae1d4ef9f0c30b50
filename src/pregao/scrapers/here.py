"""A scraper of the user's in this process, where its `executor` is `in_loop`: for code that is as good as ours."""

from __future__ import annotations

import sys
import threading

from pregao.scrapers.base import Scraper
from pregao.scrapers.directory import load_class
from pregao.scrapers.entry import Entry

_loading = threading.Lock()


def make_here(entry: Entry) -> Scraper:
    """An instance of a scraper with a directory, imported into this process. Raises whatever its module raises.

    Its directory is the last place of imports, so that it hides nothing of ours, and the working directory stays. What
    was imported once stays until the process ends, changed files or not.
    """
    assert entry.directory is not None
    place = str(entry.directory)
    with _loading:
        if place not in sys.path:
            sys.path.append(place)
        cls = load_class(entry.directory, entry.module, entry.class_name, run_init=entry.run_init)
    scraper: Scraper = cls()
    return scraper
