"""Investing.com: headlines from its feed, and daily prices for those who ask for an instrument by name or number."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from datetime import timedelta

import httpx

from pregao.domain.calendar import market_day
from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin.investing_history import HistoryRow, parse_history, parse_history_page
from pregao.scrapers.http import BROWSER_USER_AGENT, Reply, Site
from pregao.scrapers.mentions import Mentions
from pregao.scrapers.news import Headline, describe_news, headline
from pregao.scrapers.rss import FeedItem
from pregao.scrapers.shared_feeds import read_feed

PAGES = "https://br.investing.com"
API = "https://api.investing.com"
FEED_PATH = "/rss/news.rss"
RECENT_ROWS = 30

_WINDOW = timedelta(days=60)
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_PAGE = re.compile(
    r"(?:equities|indices|currencies|commodities|etfs|funds|crypto|rates-bonds)/[a-z0-9][a-z0-9.-]{0,80}", re.ASCII
)
_GONE = frozenset({404, 410})


class InvestingScraper(BaseScraper):
    """Takes a ticker or words for headlines; `equities/petrobras-pn`, or an instrument's number, for daily prices."""

    name = "Investing.com"
    source = "Investing.com"
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        # The API wants to know for which of the site's editions it answers.
        self._site = Site("investing", settings, user_agent=BROWSER_USER_AGENT, headers={"domain-id": "www"})

    async def collect(self, argument: str | None) -> Collected:
        """Headlines that mention the argument, all of them without one, or an instrument's latest daily prices."""
        asked = (argument or "").strip()
        if _NUMBER.fullmatch(asked):
            return await self._history_of_number(asked)
        if _PAGE.fullmatch(asked.lower()):
            return await self._history_of_page(asked.lower())
        return await self._news(asked or None)

    async def _news(self, query: str | None) -> Collected:
        read = await read_feed(self._site, PAGES, FEED_PATH, self._clock)
        if not read.feed.items:
            raise ScrapeError(f"the feed {FEED_PATH} of Investing.com is empty", FailureClass.VALIDATION)
        wanted = Mentions(query) if query else None
        found = await asyncio.to_thread(
            describe_news, read, read_headline, now=self._clock.now(), query=query, wanted=wanted
        )
        return Collected({"kind": "news", **found.data}, found.metadata)

    async def _history_of_number(self, number: str) -> Collected:
        today = market_day(self._clock.now())
        window = {"start-date": f"{today - _WINDOW}", "end-date": f"{today}"}
        reply = await self._site.get(
            API,
            f"/api/financialdata/historical/{number}",
            params={**window, "time-frame": "Daily", "add-missing-rows": "false"},
            accept=_GONE,
        )
        return self._describe(number, reply, () if reply.status in _GONE else parse_history(reply.body, _host(reply)))

    async def _history_of_page(self, page: str) -> Collected:
        reply = await self._site.get(PAGES, f"/{page}-historical-data", accept=_GONE)
        rows = () if reply.status in _GONE else await asyncio.to_thread(parse_history_page, reply.body, _host(reply))
        return self._describe(page, reply, rows)

    def _describe(self, instrument: str, reply: Reply, rows: tuple[HistoryRow, ...]) -> Collected:
        today = market_day(self._clock.now())
        past = tuple(row for row in rows if row.day <= today)
        if not past:
            raise ScrapeError(f"Investing.com has no prices of {instrument} up to {today}", FailureClass.NOT_FOUND)
        return Collected(
            describe_history(instrument, past, reply.url), {"rows": len(rows), "future_rows": len(rows) - len(past)}
        )


def read_headline(item: FeedItem) -> Headline:
    """An item of the feed, which has no more than title, link and date."""
    return headline(item, source="Investing.com", source_url=PAGES, summary=item.description)


def describe_history(instrument: str, rows: tuple[HistoryRow, ...], url: str) -> dict[str, object]:
    """The result's `data`: flat for the newest row, `recent` has at most 30; `rows` is newest first, and not empty.

    `as_of` is a date: rows are for whole days of a market that the answer does not name.
    """
    latest, previous = rows[0], rows[1] if len(rows) > 1 else None
    fields = asdict(latest)
    day = fields.pop("day").isoformat()
    return {
        "kind": "history",
        "instrument": instrument,
        "price": latest.close,
        **fields,
        "date": day,
        "previous_close": previous.close if previous else None,
        "as_of": day,
        "url": url,
        "recent": [_recent(row) for row in rows[:RECENT_ROWS]],
    }


def _recent(row: HistoryRow) -> dict[str, object]:
    fields = asdict(row)
    return {"date": fields.pop("day").isoformat(), **fields}


def _host(reply: Reply) -> str:
    return httpx.URL(reply.url).netloc.decode("ascii")
