"""Yahoo's chart of a B3 paper: keyless and unofficial, so that it only stands in for B3's own services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pregao.domain.calendar import last_trading_moment
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import json_answers
from pregao.scrapers.json_answers import at, count, invalid, moment, need_keys, number, price, shown

YAHOO = "https://query1.finance.yahoo.com"
CHART_PATH = "/v8/finance/chart/{ticker}.SA"
CHART_QUERY = {"range": "1d", "interval": "5m"}

_WHAT = "Yahoo's chart"
_PREVIOUS = ("previousClose", "chartPreviousClose")
_SERIES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Bar:
    """One interval: prices in BRL, `volume` in shares."""

    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, slots=True)
class Chart:
    """One paper on one day: `price` is meta.regularMarketPrice in BRL, `quoted_at` regularMarketTime (UTC).

    `bars` are in order of time, None where Yahoo has an interval without values; empty when it sends no arrays.
    """

    symbol: str
    price: float
    previous_close: float | None
    quoted_at: datetime
    bars: tuple[Bar | None, ...]

    @property
    def traded(self) -> tuple[Bar, ...]:
        """The bars that have values."""
        return tuple(bar for bar in self.bars if bar is not None)

    @property
    def as_of(self) -> datetime:
        """The instant (UTC) the price is for; a time outside of the session means its close."""
        return last_trading_moment(self.quoted_at)


def parse_chart(body: bytes, ticker: str) -> Chart:
    """Read the chart of `ticker`.

    Raises ScrapeError: NOT_FOUND when Yahoo does not know it (with HTTP 404 and with 200) or has no price,
    RATE_LIMITED, BLOCKED or NETWORK for what stands in place of data, VALIDATION for what is not the format,
    naming what is missing.
    """
    document = json_answers.load(body, "Yahoo", _WHAT)
    chart = at(document, "chart")
    if not isinstance(chart, dict):
        raise invalid(_WHAT, "`chart` is missing")
    _refuse(chart.get("error"), ticker)
    results = chart.get("result")
    result = results[0] if isinstance(results, list) and results else None
    meta = at(result, "meta")
    if not isinstance(result, dict) or not isinstance(meta, dict):
        raise invalid(_WHAT, "`chart.result[0].meta` is missing")
    if meta.get("symbol") != f"{ticker}.SA":
        raise invalid(_WHAT, f"it is of {shown(meta.get('symbol'))}, not of {ticker}.SA")
    if not any(name in meta for name in _PREVIOUS):
        need_keys(_WHAT, meta, _PREVIOUS)
    previous = next((meta[name] for name in _PREVIOUS if meta.get(name)), None)
    return Chart(
        symbol=ticker,
        price=price(_WHAT, "regularMarketPrice", meta.get("regularMarketPrice")),
        previous_close=number(_WHAT, "previousClose", previous),
        quoted_at=moment(_WHAT, "regularMarketTime", meta.get("regularMarketTime")),
        bars=_bars(result),
    )


def _refuse(error: object, ticker: str) -> None:
    if error is None:
        return
    code, words = (error.get("code"), error.get("description")) if isinstance(error, dict) else (None, error)
    if code == "Not Found":
        raise ScrapeError(f"Yahoo does not know {ticker}.SA: {str(words)[:200]}", FailureClass.NOT_FOUND)
    raise ScrapeError(f"Yahoo refused {ticker}.SA: {str(words)[:200]}", FailureClass.ERROR)


def _bars(result: dict[str, Any]) -> tuple[Bar | None, ...]:
    quotes = at(result, "indicators", "quote")
    quote = quotes[0] if isinstance(quotes, list) and quotes else None
    if not isinstance(quote, dict):
        raise invalid(_WHAT, "`indicators.quote[0]` is missing")
    # Of a day without intervals Yahoo sends an empty object.
    if quote or result.get("timestamp"):
        need_keys(f"{_WHAT} (indicators.quote)", quote, _SERIES)
    columns = [quote.get(name) or [] for name in _SERIES]
    if any(not isinstance(column, list) or len(column) != len(columns[0]) for column in columns):
        raise invalid(_WHAT, f"the arrays {', '.join(_SERIES)} are not of one length")
    return tuple(_bar(values) for values in zip(*columns, strict=True))


def _bar(values: tuple[Any, ...]) -> Bar | None:
    *prices, volume = values
    numbers = [number(_WHAT, name, value) for name, value in zip(_SERIES, prices, strict=False)]
    if None in numbers:
        return None
    # Yahoo computes in single precision: 25.700000762939453 is 25.7.
    opened, high, low, close = (float(f"{value:.7g}") for value in numbers)
    return Bar(opened, high, low, close, count(_WHAT, "volume", volume) or 0)
