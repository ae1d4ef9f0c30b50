"""Yahoo's chart of a B3 paper: one day in intervals of five minutes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from pregao.domain.calendar import session
from pregao.sample_market.answer import Answer, Asked, json_of
from pregao.sample_market.market import Market
from pregao.sample_market.papers import Paper
from pregao.sample_market.prices import Bar

INTERVAL_MINUTES = 5
_CHART = re.compile(r"/v8/finance/chart/([A-Z0-9]{1,12})\.SA", re.ASCII)
_UNKNOWN = {"code": "Not Found", "description": "No data found, symbol may be delisted"}


def answer(market: Market, asked: Asked) -> Answer | None:
    """The chart of one ticker."""
    found = _CHART.fullmatch(asked.path)
    if found is None:
        return None
    paper = market.paper(found[1])
    if paper is None:
        return json_of({"chart": {"result": None, "error": _UNKNOWN}}, 404)
    return json_of({"chart": {"result": [_result(market, paper)], "error": None}})


def _result(market: Market, paper: Paper) -> dict[str, object]:
    bar = market.delayed(paper)
    of_day = session(bar.day)
    assert of_day is not None  # a bar is of a session
    begin, end = int(of_day.opens_at.timestamp()), int(of_day.closes_at.timestamp())
    regular = {"timezone": "BRT", "start": begin, "end": end, "gmtoffset": -10_800}
    seen = of_day.opens_at + timedelta(minutes=bar.minute)
    meta = {
        "currency": "BRL",
        "symbol": f"{paper.ticker}.SA",
        "exchangeName": "SAO",
        "instrumentType": "EQUITY",
        "firstTradeDate": 946_900_800,
        "regularMarketTime": int(seen.timestamp()),
        "gmtoffset": -10_800,
        "timezone": "BRT",
        "exchangeTimezoneName": "America/Sao_Paulo",
        "regularMarketPrice": bar.close,
        "chartPreviousClose": bar.previous,
        "previousClose": bar.previous,
        "scale": 3,
        "priceHint": 2,
        "currentTradingPeriod": {
            "pre": {**regular, "start": begin - 900, "end": begin},
            "regular": regular,
            "post": {**regular, "start": end, "end": end + 3_600},
        },
        "tradingPeriods": [[regular]],
        "dataGranularity": f"{INTERVAL_MINUTES}m",
        "range": "1d",
        "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
    }
    bars = _bars(market.prices.minutes(paper, bar), bar)
    stamps = [begin + n * INTERVAL_MINUTES * 60 for n in range(len(bars["close"]))]
    return {"meta": meta, "timestamp": stamps, "indicators": {"quote": [bars]}}


def _bars(minutes: Sequence[float], bar: Bar) -> dict[str, list[float | int | None]]:
    """Columns of one value for each interval. Some interval or other has none, as with Yahoo itself."""
    parts = [minutes[n : n + INTERVAL_MINUTES + 1] for n in range(0, len(minutes), INTERVAL_MINUTES)]
    empty = len(parts) // 3 if len(parts) > 4 else -1
    columns: dict[str, list[float | int | None]] = {name: [] for name in ("open", "high", "low", "close", "volume")}
    each = bar.qty // max(1, len(parts) - (empty >= 0))
    for number, part in enumerate(parts):
        values = (part[0], max(part), min(part), part[-1], each)
        for name, value in zip(columns, values, strict=True):
            columns[name].append(None if number == empty else value)
    return columns
