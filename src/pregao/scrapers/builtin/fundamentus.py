"""Fundamentus: fundamentals of a company, bank or real-estate fund, from the page that it has for each paper."""

from __future__ import annotations

from datetime import datetime

from pregao.domain.clock import Clock, market_iso
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin.fundamentus_page import HOST, FundamentusPage, parse_fundamentus
from pregao.scrapers.http import BROWSER_USER_AGENT, Site
from pregao.scrapers.labelled_fields import flat
from pregao.scrapers.papers import ticker_of
from pregao.scrapers.price_day import market_time_of

ORIGIN = f"https://{HOST}"
PATH = "/detalhes.php"


class FundamentusScraper(BaseScraper):
    """Takes the ticker of a share, unit or real-estate fund, in any case."""

    name = "Fundamentus"
    source = "fundamentus.com.br"
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        # The site answers 403 to what does not look like a browser.
        self._site = Site("fundamentus", settings, user_agent=BROWSER_USER_AGENT)

    async def collect(self, argument: str | None) -> Collected:
        """The figures of one paper; `kind` is its layout, `as_of` the close of the last session with a price."""
        ticker = ticker_of(argument, self.name)
        reply = await self._site.get(ORIGIN, PATH, params={"papel": ticker})
        page = parse_fundamentus(reply.body, ticker)
        as_of = market_time_of(page.reading.record.quote_date, self._clock.now(), self.name)
        return Collected(describe(page, as_of, reply.url), page.reading.remarks)


def describe(page: FundamentusPage, as_of: datetime | None, url: str) -> dict[str, object]:
    """The result's `data`: flat, except for the changes by year."""
    return {
        **flat(page.reading.record),
        "kind": page.kind,
        "change_by_year_pct": page.change_by_year_pct,
        "as_of": market_iso(as_of),
        "url": url,
    }
