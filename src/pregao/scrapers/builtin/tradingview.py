"""TradingView: technical ratings, indicators and the delayed price of one B3 paper, from its stock scanner."""

from __future__ import annotations

import re

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin.tradingview_scan import COLUMNS, describe_signals, parse_scan, signals_of
from pregao.scrapers.http import Site

SCANNER = "https://scanner.tradingview.com"
SCAN_PATH = "/brazil/scan"
EXCHANGE = "BMFBOVESPA"

_TICKER = re.compile(r"[A-Z0-9]{3,12}", re.ASCII)


class TradingViewScraper(BaseScraper):
    """Takes a B3 ticker in any case, with or without the exchange before it."""

    name = "TradingView"
    source = "TradingView"
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("tradingview", settings)

    async def collect(self, argument: str | None) -> Collected:
        """The ratings of the day, the hour, four hours and the week, and what they are made from."""
        symbol = f"{EXCHANGE}:{_ticker(argument)}"
        question = {"symbols": {"tickers": [symbol], "query": {"types": []}}, "columns": list(COLUMNS)}
        reply = await self._site.post_json(SCANNER, SCAN_PATH, question, accept=frozenset({400}))
        signals = signals_of(parse_scan(reply.body, COLUMNS), symbol)
        empty = [name for name, value in signals.numbers.items() if value is None]
        return Collected(describe_signals(signals, self._clock.now(), reply.url), {"empty_fields": empty})


def _ticker(argument: str | None) -> str:
    ticker = (argument or "").strip().upper().removeprefix(f"{EXCHANGE}:")
    if not ticker:
        raise ScrapeError("TradingView needs a ticker, for example PETR4", FailureClass.PERMANENT)
    if not _TICKER.fullmatch(ticker):
        raise ScrapeError(f"{ticker[:80]!r} is not a B3 ticker; they look like PETR4", FailureClass.NOT_FOUND)
    return ticker
