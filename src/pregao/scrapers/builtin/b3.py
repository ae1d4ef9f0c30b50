"""B3: the price of one paper, delayed while the session is open, official and end of day otherwise; or a company."""

from __future__ import annotations

import re
from datetime import datetime

from pregao.domain.calendar import session_at
from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin.b3_brapi import BRAPI, QUOTE_PATH, TOKEN, parse_brapi
from pregao.scrapers.builtin.b3_company import (
    DETAIL,
    LISTED,
    SUPPLEMENT,
    call_path,
    describe_company,
    parse_detail,
    parse_supplement,
)
from pregao.scrapers.builtin.b3_files import COTAHIST, shared_files
from pregao.scrapers.builtin.b3_quote import parse_quote
from pregao.scrapers.builtin.b3_result import describe_brapi, describe_chart, describe_quote, describe_rows
from pregao.scrapers.builtin.b3_yahoo import CHART_PATH, CHART_QUERY, YAHOO, parse_chart
from pregao.scrapers.fallback import Way, first_of
from pregao.scrapers.http import Reply, Site
from pregao.scrapers.json_answers import refuse_future

QUOTES = "https://cotacao.b3.com.br"

_TICKER = re.compile(r"[A-Z0-9]{3,12}", re.ASCII)
_ISSUER = re.compile(r"[A-Z][A-Z0-9]{3}", re.ASCII)


class B3Scraper(BaseScraper):
    """Takes the ticker of a share, fund, BDR or option, or the four letters of a company; in any case."""

    name = "B3"
    source = "B3 S.A."
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("b3", settings)

    async def collect(self, argument: str | None) -> Collected:
        """The delayed quote in a session, else the last published end of day; `kind` and `as_of` say which and when.

        While B3's own services fail in a passing way, Yahoo or brapi stand in. Four letters give the company's record.
        """
        ticker = _ticker(argument)
        if _ISSUER.fullmatch(ticker):
            return await self._company(ticker)
        now = self._clock.now()
        origin = COTAHIST if session_at(now) is None else QUOTES
        others = [Way(YAHOO, lambda: self._yahoo(ticker))]
        token = self._settings.secret(TOKEN)
        if token is not None:
            others.append(Way(BRAPI, lambda: self._brapi(ticker, token)))
        return await first_of(Way(origin, lambda: self._own(ticker, now)), *others)

    async def _own(self, ticker: str, now: datetime) -> Collected:
        """From B3 itself."""
        metadata: dict[str, object] = {}
        if session_at(now) is not None:
            quote = await self._quote(ticker)
            if quote is not None:
                return quote
            metadata["delayed_quote"] = "not available"
        published = await shared_files(self._settings, self._clock).latest(now)
        rows = published.file.rows(ticker)
        if not rows:
            raise ScrapeError(
                f"{ticker} did not trade on {published.file.day}, or does not exist", FailureClass.NOT_FOUND
            )
        return Collected(describe_rows(rows, published.url), metadata)

    async def _quote(self, ticker: str) -> Collected | None:
        path = f"/mds/api/v1/instrumentQuotation/{ticker}"
        reply = await self._site.get(QUOTES, path, accept=frozenset({404}))
        quote = parse_quote(reply.body, ticker) if reply.status == 200 else None
        if quote is None:
            return None
        refuse_future("B3's quotation", quote.answered_at, self._clock.now())
        return Collected(describe_quote(quote, reply.url))

    async def _yahoo(self, ticker: str) -> Collected:
        path = CHART_PATH.format(ticker=ticker)
        reply = await self._site.get(YAHOO, path, params=CHART_QUERY, accept=frozenset({404}))
        chart = parse_chart(reply.body, ticker)
        refuse_future("Yahoo's chart", chart.quoted_at, self._clock.now())
        return Collected(describe_chart(chart, reply.url))

    async def _brapi(self, ticker: str, token: str) -> Collected:
        site = Site("b3", self._settings, secret_headers={"Authorization": f"Bearer {token}"})
        reply = await site.get(BRAPI, QUOTE_PATH.format(ticker=ticker), accept=frozenset({401, 404}))
        quote = parse_brapi(reply.body, ticker)
        refuse_future("brapi's quote", quote.quoted_at, self._clock.now())
        return Collected(describe_brapi(quote, reply.url))

    async def _company(self, issuer: str) -> Collected:
        shares = parse_supplement((await self._call(SUPPLEMENT, issuingCompany=issuer)).body, issuer)
        reply = await self._call(DETAIL, codeCVM=shares.code_cvm)
        company = parse_detail(reply.body, issuer)
        refuse_future("B3's company record", company.updated_at, self._clock.now())
        return Collected(describe_company(shares, company, reply.url))

    async def _call(self, call: str, **question: str) -> Reply:
        return await self._site.get(LISTED, call_path(call, **question))


def _ticker(argument: str | None) -> str:
    ticker = (argument or "").strip().upper()
    if not ticker:
        raise ScrapeError("B3 needs a ticker, for example PETR4", FailureClass.PERMANENT)
    if not _TICKER.fullmatch(ticker):
        raise ScrapeError(f"{ticker[:80]!r} is not a B3 ticker; they look like PETR4", FailureClass.NOT_FOUND)
    return ticker
