"""A B3 result's `data`: one set of keys, whichever service the price comes from, null where it has nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pregao.domain.calendar import closes_at
from pregao.domain.clock import market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.b3_brapi import BrapiQuote
from pregao.scrapers.builtin.b3_cotahist import CotahistRow
from pregao.scrapers.builtin.b3_quote import DelayedQuote
from pregao.scrapers.builtin.b3_yahoo import Chart

_EMPTY: dict[str, Any] = dict.fromkeys(
    (
        *("ticker", "kind", "price", "open", "high", "low", "avg", "close", "previous_close", "change_brl"),
        *("change_pct", "bid", "ask", "trades", "qty", "volume_brl", "name", "spec", "isin", "market", "bdi", "tpmerc"),
        *("term_days", "option_type", "strike", "expiry", "date"),
        *("price_earnings", "earnings_per_share", "market_cap_brl", "as_of", "url"),
    )
)
_EMPTY["currency"] = "BRL"


def describe_quote(quote: DelayedQuote, url: str) -> dict[str, Any]:
    """B3's own delayed quote."""
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


def describe_chart(chart: Chart, url: str) -> dict[str, Any]:
    """Yahoo's quote: open, high, low and quantity are those of the day's bars."""
    bars, previous = chart.traded, chart.previous_close
    change = chart.price - previous if previous else None
    return {
        **_EMPTY,
        "ticker": chart.symbol,
        "kind": "delayed_quote",
        "price": chart.price,
        "open": bars[0].open if bars else None,
        "high": max(bar.high for bar in bars) if bars else None,
        "low": min(bar.low for bar in bars) if bars else None,
        "previous_close": previous,
        "change_brl": None if change is None else round(change, 6),
        "change_pct": round(change / previous * 100, 4) if change is not None and previous else None,
        "qty": sum(bar.volume for bar in bars) if bars else None,
        "as_of": market_iso(chart.as_of),
        "url": url,
    }


def describe_brapi(quote: BrapiQuote, url: str) -> dict[str, Any]:
    """brapi's quote."""
    return {
        **_EMPTY,
        "ticker": quote.symbol,
        "kind": "delayed_quote",
        "price": quote.price,
        "open": quote.open,
        "high": quote.high,
        "low": quote.low,
        "previous_close": quote.previous_close,
        "change_brl": quote.change,
        "change_pct": quote.change_pct,
        "qty": quote.volume,
        "name": quote.name,
        "price_earnings": quote.price_earnings,
        "earnings_per_share": quote.earnings_per_share,
        "market_cap_brl": quote.market_cap,
        "as_of": market_iso(quote.as_of),
        "url": url,
    }


def describe_rows(rows: tuple[CotahistRow, ...], url: str) -> dict[str, Any]:
    """An end of day. Of several records (forwards), the one with the largest volume leads, and `terms` has all.

    Raises ScrapeError for records without a closing price: NOT_FOUND if nothing was traded, else VALIDATION.
    """
    row = max((row for row in rows if row.close is not None), key=lambda row: row.volume_brl, default=None)
    if row is None:
        raise _without_close(rows)
    fields = asdict(row)
    data: dict[str, Any] = {
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


def _without_close(rows: tuple[CotahistRow, ...]) -> ScrapeError:
    ticker, day = rows[0].ticker, rows[0].day
    trades = sum(row.trades for row in rows)
    if not trades:
        return ScrapeError(f"{ticker} did not trade on {day}: its record has no closing price", FailureClass.NOT_FOUND)
    problem = f"{ticker} has {trades} trades on {day}, and no closing price (PREULT)"
    return ScrapeError(f"the COTAHIST file is not usable: {problem}", FailureClass.VALIDATION)
