"""Valor Econômico: what its feeds bring, or what they say about a company."""

from __future__ import annotations

import asyncio

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.http import Site
from pregao.scrapers.mentions import Mentions
from pregao.scrapers.news import Headline, describe_news, headline
from pregao.scrapers.rss import FeedItem
from pregao.scrapers.shared_feeds import read_feed

FEEDS = "https://pox.globo.com"
SECTIONS = ("financas", "brasil", "empresas")
NEWSPAPER = "Valor Econômico"

_PAYWALL = "materiaexclusivaparaassinantes"


class ValorScraper(BaseScraper):
    """Takes a section (finanças, brasil, empresas), a ticker, or words that the news must contain."""

    name = "Valor Econômico"
    source = NEWSPAPER
    canary = "financas"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("valor", settings)

    async def collect(self, argument: str | None) -> Collected:
        """A section's news, or what the newspaper's main feed (100 items, about ten hours) says about the argument."""
        asked = (argument or "").strip()
        section = fold(asked) if fold(asked) in SECTIONS else None
        query = asked if asked and section is None else None
        path = f"/rss/valor/{section}/" if section else "/rss/valor/"
        read = await read_feed(self._site, FEEDS, path, self._clock)
        if not read.feed.items:
            raise ScrapeError(f"the feed {path} of Valor is empty", FailureClass.VALIDATION)
        wanted = Mentions(query) if query else None
        return await asyncio.to_thread(
            describe_news, read, read_headline, now=self._clock.now(), query=query, section=section, wanted=wanted
        )


def read_headline(item: FeedItem) -> Headline:
    """An item with its lead; the notice that stands for a paywalled text is no summary."""
    paywalled = fold((item.description or "")[:200]).startswith(_PAYWALL)
    return headline(
        item,
        source=NEWSPAPER,
        source_url="https://valor.globo.com",
        summary=item.subtitle or (None if paywalled else item.description),
        paywalled=paywalled,
    )
