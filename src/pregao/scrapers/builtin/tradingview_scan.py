"""TradingView's scanner: values of symbols in the columns of the request, and what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pregao.domain.calendar import last_trading_moment
from pregao.domain.clock import market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import json_answers
from pregao.scrapers.json_answers import at, invalid, moment, number, price, refuse_future, text

Rating = Literal["strong_buy", "buy", "neutral", "sell", "strong_sell"]

NUMBERS = {
    "close": "price",
    "open": "open",
    "high": "high",
    "low": "low",
    "volume": "volume",
    "change": "change_pct",
    "change_abs": "change_brl",
    "Recommend.All": "recommend_all",
    "Recommend.MA": "recommend_averages",
    "Recommend.Other": "recommend_oscillators",
    "Recommend.All|60": "recommend_all_1h",
    "Recommend.All|240": "recommend_all_4h",
    "Recommend.All|1W": "recommend_all_1w",
    "RSI": "rsi_14",
    "MACD.macd": "macd",
    "MACD.signal": "macd_signal",
    "ADX": "adx_14",
    "ATR": "atr_14",
    "SMA20": "sma_20",
    "SMA50": "sma_50",
    "SMA200": "sma_200",
    "BB.upper": "bollinger_upper",
    "BB.lower": "bollinger_lower",
    "Perf.W": "change_1w_pct",
    "Perf.1M": "change_1m_pct",
    "Perf.YTD": "change_ytd_pct",
    "Perf.Y": "change_1y_pct",
    "price_52_week_high": "high_52w",
    "price_52_week_low": "low_52w",
    "relative_volume_10d_calc": "relative_volume_10d",
    "price_earnings_ttm": "price_earnings",
    "earnings_per_share_basic_ttm": "earnings_per_share",
    "dividends_yield_current": "dividend_yield_pct",
    "market_cap_basic": "market_cap",
}
"""The scanner's numeric columns, and what they are called in a result."""
TEXTS = {"description": "name", "sector": "sector", "industry": "industry", "currency": "currency"}
COLUMNS = (*NUMBERS, *TEXTS, "update_mode", "last_bar_update_time")
MIN_NUMBERS = 10
"""Nulls are common; a row with fewer numbers than this tells nothing."""
USUAL_DELAY = timedelta(minutes=15)

_HOST, _WHAT = "TradingView", "TradingView's scan"
_DELAYED = re.compile(r"delayed_streaming_(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scan:
    """A scanner's answer: values by symbol, then by column. Symbols that do not exist are absent (`s`, `d`)."""

    total: int
    rows: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Signals:
    """One symbol. `numbers` are by the names of NUMBERS: prices in its currency, `_pct` in percent, ratings −1 to 1.

    `delay` is how late the prices are, `updated_at` when the last bar changed (UTC); None where the scanner is silent.
    """

    symbol: str
    numbers: Mapping[str, float | None]
    texts: Mapping[str, str | None]
    delay: timedelta | None
    updated_at: datetime | None

    def as_of(self, asked_at: datetime) -> datetime:
        """The instant (UTC) the prices are for: the request less the delay, but no later than the last bar.

        Raises ScrapeError VALIDATION for a last bar in the future.
        """
        seen = asked_at - (USUAL_DELAY if self.delay is None else self.delay)
        if self.updated_at is None:
            return last_trading_moment(seen)
        return last_trading_moment(min(seen, refuse_future(_WHAT, self.updated_at, asked_at)))


def parse_scan(body: bytes, columns: Sequence[str]) -> Scan:
    """Read an answer to a request for `columns`, in whose order it gives its values.

    Raises ScrapeError: BLOCKED, RATE_LIMITED or NETWORK for a page or nothing; VALIDATION for what is not the format,
    and for columns that the scanner does not know.
    """
    document = json_answers.load(body, _HOST, _WHAT)
    if said := text(at(document, "error")):
        raise invalid(_WHAT, f"the scanner says {said[:200]!r}")
    total, listed = at(document, "totalCount"), at(document, "data")
    if not isinstance(total, int) or isinstance(total, bool):
        raise invalid(_WHAT, "`totalCount` is missing")
    if listed is None and not total:
        listed = []
    if not isinstance(listed, list):
        raise invalid(_WHAT, "`data` is missing")
    return Scan(total, dict(_row(row, columns) for row in listed))


def signals_of(scan: Scan, symbol: str) -> Signals:
    """What a scan for COLUMNS says of `symbol`, which is EXCHANGE:TICKER.

    Raises ScrapeError: NOT_FOUND for a symbol that is not in it or has no price, VALIDATION for values of another type,
    and for too few.
    """
    row = scan.rows.get(symbol)
    if row is None:
        raise ScrapeError(f"TradingView knows no {symbol}", FailureClass.NOT_FOUND)
    price(_WHAT, f"{symbol} close", row.get("close"))
    numbers = {name: number(_WHAT, column, row.get(column)) for column, name in NUMBERS.items()}
    filled = sum(value is not None for value in numbers.values())
    if filled < MIN_NUMBERS:
        raise invalid(_WHAT, f"{symbol} has {filled} of {len(NUMBERS)} numbers, fewer than {MIN_NUMBERS}")
    updated = row.get("last_bar_update_time")
    return Signals(
        symbol=symbol,
        numbers=numbers,
        texts={name: text(row.get(column)) or None for column, name in TEXTS.items()},
        delay=_delay(row.get("update_mode")),
        updated_at=None if updated is None else moment(_WHAT, "last_bar_update_time", updated),
    )


def rating(value: float | None) -> Rating | None:
    """A rating from −1 to 1 in words, as TradingView shows it; None for none.

    >>> rating(0.5), rating(0.1), rating(0.0), rating(-0.1), rating(-0.5)
    ('strong_buy', 'buy', 'neutral', 'sell', 'strong_sell')
    """
    if value is None:
        return None
    if value >= 0.1:
        return "strong_buy" if value >= 0.5 else "buy"
    if value > -0.1:
        return "neutral"
    return "sell" if value > -0.5 else "strong_sell"


def describe_signals(signals: Signals, asked_at: datetime, url: str) -> dict[str, Any]:
    """The result's `data`: ratings in words and as numbers, the price, indicators of the day, fundamentals."""
    numbers = signals.numbers
    return {
        "ticker": signals.symbol.partition(":")[2],
        "symbol": signals.symbol,
        **signals.texts,
        "recommendation": rating(numbers["recommend_all"]),
        "recommendation_averages": rating(numbers["recommend_averages"]),
        "recommendation_oscillators": rating(numbers["recommend_oscillators"]),
        "recommendation_1h": rating(numbers["recommend_all_1h"]),
        "recommendation_4h": rating(numbers["recommend_all_4h"]),
        "recommendation_1w": rating(numbers["recommend_all_1w"]),
        **numbers,
        "delay_seconds": None if signals.delay is None else int(signals.delay.total_seconds()),
        "as_of": market_iso(signals.as_of(asked_at)),
        "url": url,
    }


def _row(row: object, columns: Sequence[str]) -> tuple[str, Mapping[str, Any]]:
    symbol, values = text(at(row, "s")), at(row, "d")
    if not symbol or not isinstance(values, list):
        raise invalid(_WHAT, f"a row lacks `s` or `d`: {str(row)[:60]}")
    if len(values) != len(columns):
        raise invalid(_WHAT, f"{symbol} has {len(values)} values for {len(columns)} columns")
    return symbol, dict(zip(columns, values, strict=True))


def _delay(mode: object) -> timedelta | None:
    if mode == "streaming":
        return timedelta()
    match = _DELAYED.fullmatch(mode) if isinstance(mode, str) else None
    return timedelta(seconds=int(match[1])) if match else None
