"""Bloomberg Línea's feed for Brazil, with Bloomberg's own market news in English in reserve."""

from __future__ import annotations

import asyncio

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.fallback import Way, first_of
from pregao.scrapers.http import Site
from pregao.scrapers.mentions import Mentions
from pregao.scrapers.news import Headline, describe_news, headline
from pregao.scrapers.rss import FeedItem
from pregao.scrapers.shared_feeds import ReadFeed, read_feed

LINEA = "https://www.bloomberglinea.com.br"
MARKETS = "https://feeds.bloomberg.com"
LINEA_PATH = "/arc/outboundfeeds/rss/"
MARKETS_PATH = "/markets/news.rss"
SECTIONS = ("mercados",)

_XML = {"outputType": "xml"}


class BloombergScraper(BaseScraper):
    """Takes a section (mercados), a ticker, or words that the news must contain."""

    name = "Bloomberg Línea"
    source = "Bloomberg"
    canary = "mercados"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("bloomberg", settings)

    async def collect(self, argument: str | None) -> Collected:
        """A section's news, or what the main feed (100 items, about a month) says about the argument.

        Bloomberg's own feed stands in whatever is wrong with Línea's, gone for good included: nobody can say for sure
        which of the two still exists.
        """
        asked = (argument or "").strip()
        section = fold(asked) if fold(asked) in SECTIONS else None
        query = asked if asked and section is None else None
        return await first_of(
            Way(self._site.origin(LINEA), lambda: self._from_linea(query, section)),
            Way(self._site.origin(MARKETS), lambda: self._from_markets(query, section)),
            passing=lambda _: True,
        )

    async def _from_linea(self, query: str | None, section: str | None) -> Collected:
        path = f"{LINEA_PATH}category/{section}/" if section else LINEA_PATH
        return await self._describe(await read_feed(self._site, LINEA, path, self._clock, params=_XML), query, section)

    async def _from_markets(self, query: str | None, section: str | None) -> Collected:
        read = await read_feed(self._site, MARKETS, MARKETS_PATH, self._clock)
        found = await self._describe(read, query, section)
        if not found.data["matched"]:
            # World news that do not mention a Brazilian company say nothing about what Línea has.
            raise ScrapeError(f"{read.host}: {found.metadata['remark']}", FailureClass.NOT_FOUND)
        return found

    async def _describe(self, read: ReadFeed, query: str | None, section: str | None) -> Collected:
        if not read.feed.items:
            raise ScrapeError(f"the feed of {read.host} is empty", FailureClass.VALIDATION)
        return await asyncio.to_thread(
            describe_news,
            read,
            read_headline,
            now=self._clock.now(),
            query=query,
            section=section,
            wanted=Mentions(query) if query else None,
        )


def read_headline(item: FeedItem) -> Headline:
    """An item with its description, else the beginning of its text."""
    linea = "bloomberglinea" in item.url
    return headline(
        item,
        source="Bloomberg Línea" if linea else "Bloomberg",
        source_url=LINEA if linea else "https://www.bloomberg.com",
        summary=item.description or item.subtitle or item.content,
    )
