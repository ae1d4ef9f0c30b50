"""B3: the price of one paper, delayed while the session is open, official and end of day otherwise."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

from pregao.domain.calendar import closes_at, session_at
from pregao.domain.clock import Clock, market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin.b3_cotahist import CotahistRow
from pregao.scrapers.builtin.b3_files import COTAHIST, CotahistFiles
from pregao.scrapers.builtin.b3_quote import DelayedQuote, parse_quote
from pregao.scrapers.http import Site
from pregao.scrapers.loop_local import LoopLocal

QUOTES = "https://cotacao.b3.com.br"
MAX_ARCHIVE_BYTES = 32 * 1024 * 1024

_TICKER = re.compile(r"[A-Z0-9]{3,12}", re.ASCII)


class B3Scraper(BaseScraper):
    """Takes the ticker of a share, fund, BDR or option, in any case."""

    name = "B3"
    source = "B3 S.A."
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("b3", settings, max_bytes=MAX_ARCHIVE_BYTES)

    async def collect(self, argument: str | None) -> Collected:
        """The delayed quote in a session, else the last published end of day; `kind` and `as_of` say which and when."""
        ticker = _ticker(argument)
        now = self._clock.now()
        metadata: dict[str, object] = {}
        if session_at(now) is not None:
            quote = await self._quote(ticker)
            if quote is not None:
                return quote
            metadata["delayed_quote"] = "not available"
        published = await self._files().latest(now)
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
        return None if quote is None else Collected(describe_quote(quote, reply.url))

    def _files(self) -> CotahistFiles:
        """The files that all B3 jobs of this event loop share: one collection for each origin and cache directory."""
        origin = self._site.origin(COTAHIST)
        # A sample server's files must never pass for B3's: each origin has a directory of its own.
        folder = self._settings.home / "cache" / "b3" / re.sub(r"[^A-Za-z0-9.-]+", "_", origin)
        shared = _shared.get()
        files = shared.get(folder)
        if files is None:
            files = shared[folder] = CotahistFiles(self._site, folder, self._clock)
        return files


_shared: LoopLocal[dict[Path, CotahistFiles]] = LoopLocal(dict)


def describe_quote(quote: DelayedQuote, url: str) -> dict[str, object]:
    """The result's `data` for a delayed quote: the same keys as for an end of day, null where B3 sends nothing."""
    return {
        **_EMPTY,
        "ticker": quote.ticker,
        "kind": "delayed_quote",
        "price": quote.price,
        "open": quote.open,
        "high": quote.high,
        "low": quote.low,
        "avg": quote.avg,
        "change_pct": quote.change_pct,
        "trades": quote.trades,
        "name": quote.name,
        "market": quote.market,
        "as_of": market_iso(quote.as_of),
        "url": url,
    }


def describe_rows(rows: tuple[CotahistRow, ...], url: str) -> dict[str, object]:
    """The result's `data` for an end of day. Of several records (forwards), the one with the largest volume leads."""
    row = max(rows, key=lambda row: row.volume_brl)
    fields = asdict(row)
    data: dict[str, object] = {
        **_EMPTY,
        **fields,
        "kind": "end_of_day",
        "price": row.close,
        "date": fields.pop("day").isoformat(),
        "expiry": row.expiry.isoformat() if row.expiry else None,
        "market": row.market,
        "option_type": row.option_type,
        "as_of": market_iso(closes_at(row.day)),
        "url": url,
    }
    del data["day"]
    if len(rows) > 1:
        data["terms"] = [
            {"term_days": term.term_days, "close": term.close, "qty": term.qty, "volume_brl": term.volume_brl}
            for term in rows
        ]
    return data


_EMPTY: dict[str, object] = dict.fromkeys(
    (
        *("ticker", "kind", "price", "open", "high", "low", "avg", "close", "change_pct", "bid", "ask"),
        *("trades", "qty", "volume_brl", "name", "spec", "isin", "market", "bdi", "tpmerc"),
        *("term_days", "option_type", "strike", "expiry", "date", "as_of", "url"),
    )
)
_EMPTY["currency"] = "BRL"


def _ticker(argument: str | None) -> str:
    ticker = (argument or "").strip().upper()
    if not ticker:
        raise ScrapeError("B3 needs a ticker, for example PETR4", FailureClass.PERMANENT)
    if not _TICKER.fullmatch(ticker):
        raise ScrapeError(f"{ticker[:80]!r} is not a B3 ticker; they look like PETR4", FailureClass.NOT_FOUND)
    return ticker
