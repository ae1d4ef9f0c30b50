"""Answers of TradingView's scanner for B3 papers, with invented values."""

from __future__ import annotations

from typing import Any

import orjson

from pregao.scrapers.builtin.tradingview_scan import COLUMNS, NUMBERS

UPDATED = 1_791_212_400
"""2026-10-05T15:00:00Z"""


def row(symbol: str, **changes: Any) -> dict[str, Any]:
    """One symbol with a value in every column; `changes` are by column, with `_` for what is no letter."""
    values: dict[str, Any] = {column: 10.0 + n for n, column in enumerate(NUMBERS)}
    values |= {"close": 30.1, "change": -0.66, "Recommend.All": 0.35, "Recommend.MA": 0.6, "Recommend.Other": -0.2}
    values |= {"description": "SAMPLE CO PN", "sector": "Energy", "industry": "Oil", "currency": "BRL"}
    values |= {"update_mode": "delayed_streaming_900", "last_bar_update_time": UPDATED}
    return {"s": symbol, "d": [changes.get(column, values[column]) for column in COLUMNS]}


def scan(*rows: Any, total: Any = None) -> bytes:
    """A scanner's answer."""
    return orjson.dumps({"totalCount": len(rows) if total is None else total, "data": list(rows)})
