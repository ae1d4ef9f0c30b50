"""One of the platform's programs. It has no guard: importing it would start it."""

import sys

from base_scraper import BaseScraper


class Application:
    scraper: BaseScraper | None = None


sys.exit("the platform was started")
