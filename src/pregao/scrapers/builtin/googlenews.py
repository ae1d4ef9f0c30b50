"""Google News: what the Brazilian edition finds for a ticker's company or for a phrase."""

from __future__ import annotations

import asyncio
import re

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.companies import as_ticker, company_of
from pregao.scrapers.http import Site
from pregao.scrapers.news import Headline, describe_news, headline
from pregao.scrapers.rss import FeedItem
from pregao.scrapers.shared_feeds import read_feed

GOOGLE_NEWS = "https://news.google.com"
SEARCH = "/rss/search"
BUSINESS = "/rss/headlines/section/topic/BUSINESS"
EDITION = {"hl": "pt-BR", "gl": "BR", "ceid": "BR:pt-419"}
LONGEST_QUERY = 300


class GoogleNewsScraper(BaseScraper):
    """Takes a ticker or a search phrase in Google's own language (`"em aspas"`, `OR`, `when:7d`)."""

    name = "Google News"
    source = "Google News"
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("googlenews", settings)

    async def collect(self, argument: str | None) -> Collected:
        """The newest of what Google finds; without an argument, the headlines of its business section."""
        query = search_query(argument)
        path, params = (SEARCH, {"q": query, **EDITION}) if query else (BUSINESS, EDITION)
        read = await read_feed(self._site, GOOGLE_NEWS, path, self._clock, params=params)
        if not read.feed.items and query is None:
            raise ScrapeError("the business section of Google News is empty", FailureClass.VALIDATION)
        return await asyncio.to_thread(
            describe_news,
            read,
            read_headline,
            now=self._clock.now(),
            query=query,
            section=None if query else "business",
        )


def search_query(argument: str | None) -> str | None:
    """What to search for: a ticker with the names of its company, a phrase as it is; None without an argument.

    Names that are everyday words as well are left to the ticker: Google knows no difference between Vale and vale.
    Raises ScrapeError PERMANENT for a phrase that is too long.

    >>> search_query("ITUB4"), search_query(" juros   altos "), search_query("XXXX3")
    ('ITUB4 OR "Itaú Unibanco" OR Itaú', 'juros altos', 'XXXX3')
    """
    phrase = " ".join((argument or "").split())
    if len(phrase) > LONGEST_QUERY:
        message = f"the search phrase has {len(phrase)} characters; use at most {LONGEST_QUERY}"
        raise ScrapeError(message, FailureClass.PERMANENT)
    ticker = as_ticker(phrase)
    if ticker is None:
        return phrase or None
    names = (f'"{name}"' if re.search(r"[^\w]", name) else name for name in company_of(ticker).names)
    return " OR ".join((ticker, *names))


def read_headline(item: FeedItem) -> Headline:
    """An item without what Google adds: the source at the end of the title, a description that repeats both."""
    title = item.title
    if item.source:
        title = title.removesuffix(f" - {item.source}").strip() or title
    return headline(
        item,
        title=title,
        source=item.source,
        source_url=item.source_url,
        summary=None if _repeats(item, title) else item.description,
    )


def _repeats(item: FeedItem, title: str) -> bool:
    said = " ".join(part for part in (title, item.source) if part)
    return _letters(item.description or "") in (_letters(said), _letters(title), _letters(item.title))


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
