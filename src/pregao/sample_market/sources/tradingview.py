"""TradingView's scanner: the columns of the request, in its order, for the symbols that exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from pregao.domain.calendar import session
from pregao.sample_market.answer import Answer, Asked, json_of
from pregao.sample_market.balances import Balance
from pregao.sample_market.history import MONTH, WEEK, YEAR, Past, past_of
from pregao.sample_market.market import DELAY, Market
from pregao.sample_market.papers import SECTORS_IN_ENGLISH, Kind, Paper
from pregao.sample_market.prices import Bar
from pregao.sample_market.ratios import Ratios

EXCHANGE = "BMFBOVESPA"


def answer(market: Market, asked: Asked) -> Answer | None:
    """A scan of the Brazilian market. A symbol that it does not know is absent."""
    if asked.path != "/brazil/scan" or asked.method != "POST":
        return None
    try:
        question = orjson.loads(asked.body)
        symbols, columns = question["symbols"]["tickers"], question["columns"]
    except (ValueError, KeyError, TypeError):
        return json_of({"totalCount": 0, "data": None, "error": "Malformed request"}, 400)
    unknown = [column for column in columns if column not in _COLUMNS]
    if unknown:
        return json_of({"totalCount": 0, "data": None, "error": f'Unknown field "{unknown[0]}"'}, 400)
    found = [(symbol, market.paper(str(symbol).removeprefix(f"{EXCHANGE}:"))) for symbol in symbols]
    rows = [_row(symbol, _look(market, paper), columns) for symbol, paper in found if paper is not None]
    return json_of({"totalCount": len(rows), "data": rows})


@dataclass(frozen=True, slots=True)
class _Look:
    """One paper at one moment."""

    paper: Paper
    bar: Bar
    past: Past
    balance: Balance | None
    updated: int
    mood: float

    @property
    def ratios(self) -> Ratios | None:
        """Funds and ETFs have none."""
        return None if self.balance is None else Ratios(self.bar.close, self.balance)

    def rating(self, weight: float) -> float:
        """Averages and oscillators together; `weight` makes other spans of time differ."""
        return round(max(-1.0, min(1.0, weight * (self.past.vote() * 0.6 + self.mood * 0.4))), 8)

    def oscillators(self) -> float:
        """Too high is a reason to sell, too low to buy."""
        return round((50 - self.past.strength()) / 50, 8)

    def middle(self, deviations: float) -> float:
        """A Bollinger band."""
        return self.past.average(20) + deviations * self.past.deviation(20)


def _look(market: Market, paper: Paper) -> _Look:
    bar = market.delayed(paper)
    has_balance = paper.kind in (Kind.SHARE, Kind.BDR)
    of_day = session(bar.day)
    opened = int(of_day.opens_at.timestamp()) if of_day is not None else 0
    return _Look(
        paper=paper,
        bar=bar,
        past=past_of(market.prices, paper, bar.day, bar.close),
        balance=market.balances.of(paper) if has_balance else None,
        updated=opened + bar.minute * 60,
        mood=market.draws.between(-1, 1, "mood", paper.ticker, bar.day),
    )


def _row(symbol: str, look: _Look, columns: list[str]) -> dict[str, Any]:
    return {"s": symbol, "d": [_COLUMNS[column](look) for column in columns]}


def _of_ratios(read: Callable[[Ratios], float]) -> Callable[[_Look], float | None]:
    def value(look: _Look) -> float | None:
        return None if look.ratios is None else read(look.ratios)

    return value


_COLUMNS: dict[str, Callable[[_Look], Any]] = {
    "name": lambda look: look.paper.ticker,
    "description": lambda look: look.paper.name,
    "sector": lambda look: SECTORS_IN_ENGLISH.get(look.paper.sector, "Miscellaneous"),
    "industry": lambda look: look.paper.sector,
    "currency": lambda _: "BRL",
    "update_mode": lambda _: f"delayed_streaming_{int(DELAY.total_seconds())}",
    "last_bar_update_time": lambda look: look.updated,
    "close": lambda look: look.bar.close,
    "open": lambda look: look.bar.open,
    "high": lambda look: look.bar.high,
    "low": lambda look: look.bar.low,
    "volume": lambda look: look.bar.qty,
    "change": lambda look: look.bar.change_pct,
    "change_abs": lambda look: look.bar.change,
    "Recommend.All": lambda look: look.rating(1.0),
    "Recommend.MA": lambda look: round(look.past.vote(), 8),
    "Recommend.Other": lambda look: look.oscillators(),
    "Recommend.All|60": lambda look: look.rating(0.6),
    "Recommend.All|240": lambda look: look.rating(0.8),
    "Recommend.All|1W": lambda look: look.rating(1.2),
    "RSI": lambda look: look.past.strength(),
    "MACD.macd": lambda look: look.past.convergence()[0],
    "MACD.signal": lambda look: look.past.convergence()[1],
    "ADX": lambda look: look.past.direction(),
    "ATR": lambda look: look.past.true_range(),
    "SMA20": lambda look: look.past.average(20),
    "SMA50": lambda look: look.past.average(50),
    "SMA200": lambda look: look.past.average(200),
    "BB.upper": lambda look: look.middle(2),
    "BB.lower": lambda look: look.middle(-2),
    "Perf.W": lambda look: look.past.change_pct(WEEK),
    "Perf.1M": lambda look: look.past.change_pct(MONTH),
    "Perf.YTD": lambda look: look.past.year_pct,
    "Perf.Y": lambda look: look.past.change_pct(YEAR),
    "price_52_week_high": lambda look: max(look.past.highest, look.bar.high),
    "price_52_week_low": lambda look: min(look.past.lowest, look.bar.low),
    "relative_volume_10d_calc": lambda look: round(1 + look.mood / 3, 8),
    "price_earnings_ttm": _of_ratios(lambda ratios: ratios.earnings),
    "earnings_per_share_basic_ttm": _of_ratios(lambda ratios: ratios.balance.per_share),
    "dividends_yield_current": _of_ratios(lambda ratios: ratios.dividend_pct),
    "market_cap_basic": _of_ratios(lambda ratios: ratios.worth),
}
