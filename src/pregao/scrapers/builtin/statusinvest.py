"""Status Invest: price and fundamentals of a share, fund, ETF or BDR, from the page that it has for each paper."""

from __future__ import annotations

import asyncio
from datetime import datetime

from pregao.domain.clock import Clock, market_iso
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin.statusinvest_page import FOLDERS, HOST, StatusInvestPage, parse_statusinvest
from pregao.scrapers.http import BROWSER_USER_AGENT, Site
from pregao.scrapers.labelled_fields import flat
from pregao.scrapers.paper_pages import PaperPages
from pregao.scrapers.papers import PaperKind, first_found, kinds_of, ticker_of
from pregao.scrapers.price_day import market_time_of

ORIGIN = f"https://{HOST}"


class StatusInvestScraper(BaseScraper):
    """Takes the ticker of a share, unit, fund, ETF or BDR, in any case."""

    name = "StatusInvest"
    source = "statusinvest.com.br"
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        site = Site("statusinvest", settings, user_agent=BROWSER_USER_AGENT)
        self._pages = PaperPages(site, ORIGIN, "/{folder}/{ticker}", FOLDERS, self.name)

    async def collect(self, argument: str | None) -> Collected:
        """The figures of one paper; `kind` is its layout, `as_of` the last close up to the day of the page."""
        ticker = ticker_of(argument, self.name)

        async def ask(kind: PaperKind) -> Collected:
            reply, kind = await self._pages.get(ticker, kind)
            # A page has close to a megabyte: reading it would hold up the event loop.
            page = await asyncio.to_thread(parse_statusinvest, reply.body, ticker, kind)
            as_of = market_time_of(page.page_date, self._clock.now(), self.name)
            return Collected(describe(page, as_of, reply.url), page.reading.remarks)

        return await first_found(kinds_of(ticker), ask)


def describe(page: StatusInvestPage, as_of: datetime | None, url: str) -> dict[str, object]:
    """The result's `data`: flat."""
    return {
        "ticker": page.ticker,
        **flat(page.reading.record),
        "kind": page.kind.value,
        "page_date": page.page_date.isoformat() if page.page_date else None,
        "as_of": market_iso(as_of),
        "url": url,
    }
