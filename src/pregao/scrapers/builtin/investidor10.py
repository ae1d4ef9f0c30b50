"""Investidor10: price and indicators of a share, fund, ETF or BDR, from the page that it has for each paper."""

from __future__ import annotations

import asyncio
from datetime import datetime

from pregao.domain.clock import Clock, market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin.investidor10_page import FOLDERS, HOST, Investidor10Page, parse_investidor10
from pregao.scrapers.http import BROWSER_USER_AGENT, Site
from pregao.scrapers.labelled_fields import flat
from pregao.scrapers.paper_pages import PaperPages
from pregao.scrapers.papers import PaperKind, first_found, kinds_of, ticker_of
from pregao.scrapers.price_day import market_time_of

ORIGIN = f"https://{HOST}"


class Investidor10Scraper(BaseScraper):
    """Takes the ticker of a share, unit, fund, ETF or BDR, in any case."""

    name = "Investidor10"
    source = "investidor10.com.br"
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        site = Site("investidor10", settings, user_agent=BROWSER_USER_AGENT)
        self._pages = PaperPages(site, ORIGIN, "/{folder}/{ticker}/", FOLDERS, self.name)

    async def collect(self, argument: str | None) -> Collected:
        """The figures of one paper; `kind` is its layout, `as_of` the close of the day that the page was updated."""
        ticker = ticker_of(argument, self.name)

        async def ask(kind: PaperKind) -> Collected:
            reply, kind = await self._pages.get(ticker, kind)
            page = await asyncio.to_thread(parse_investidor10, reply.body, ticker, kind)
            as_of = market_time_of(page.reading.record.updated, self._clock.now(), self.name)
            if not page.indicators and page.kind is not PaperKind.ETF:
                raise ScrapeError(
                    f"Investidor10's page of {page.kind.with_article} has no list of indicators below its cards: "
                    f"it lacks {', '.join(page.reading.missing)[:600]}: its format changed",
                    FailureClass.VALIDATION,
                )
            metadata = {"indicators": page.indicators, **page.reading.remarks}
            return Collected(describe(page, as_of, reply.url), metadata)

        return await first_found(kinds_of(ticker), ask)


def describe(page: Investidor10Page, as_of: datetime | None, url: str) -> dict[str, object]:
    """The result's `data`: flat."""
    return {
        "ticker": page.ticker,
        **flat(page.reading.record),
        "kind": page.kind.value,
        "as_of": market_iso(as_of),
        "url": url,
    }
