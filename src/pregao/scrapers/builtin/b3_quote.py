"""B3's quotation service: prices of the running session, about fifteen minutes late."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from pregao.domain.calendar import last_trading_moment
from pregao.domain.clock import MARKET_ZONE
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.failures import is_html

DELAY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class DelayedQuote:
    """One instrument during a session. Prices are BRL, `change_pct` is percent; None where B3 sends nothing.

    Source fields: opngPric, maxPric, minPric, avrgPric, curPrc, prcFlcn, ttlQty (trades). `answered_at` is the time of
    the answer, not of the prices: the service gives none for them, and goes on answering on holidays.
    """

    ticker: str
    name: str
    market: str | None
    price: float
    open: float | None
    high: float | None
    low: float | None
    avg: float | None
    change_pct: float | None
    trades: int | None
    answered_at: datetime

    @property
    def as_of(self) -> datetime:
        """The instant (UTC) the prices are for: the delay before the answer, or the last close before that."""
        return last_trading_moment(self.answered_at - DELAY)


def parse_quote(body: bytes, ticker: str) -> DelayedQuote | None:
    """Read the answer for `ticker`; None when B3 says that there is no quotation, or gives a price of zero.

    Raises ScrapeError: BLOCKED for a page, VALIDATION for what is not the format, naming what is missing.
    """
    if is_html(body):
        raise ScrapeError("B3 answered with a page in place of a quotation", FailureClass.BLOCKED)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ScrapeError(f"B3's quotation is not JSON: {error}", FailureClass.VALIDATION) from error
    status = _at(document, "BizSts", "cd")
    if status == "NOK":
        return None
    if status != "OK":
        raise _missing("BizSts.cd")
    trades = document.get("Trad")
    trade = trades[0] if isinstance(trades, list) and trades else None
    security, prices = _at(trade, "scty"), _at(trade, "scty", "SctyQtn")
    if not isinstance(security, dict) or not isinstance(prices, dict):
        raise _missing("Trad[0].scty.SctyQtn")
    if security.get("symb") != ticker:
        raise ScrapeError(f"B3 sent {str(security.get('symb'))[:40]!r} for {ticker}", FailureClass.VALIDATION)
    price = _number(prices, "curPrc")
    if price is None:
        raise _missing("curPrc")
    return _quote(trade, security, prices, price, _answered_at(document)) if price else None


def _quote(
    trade: Any, security: dict[str, Any], prices: dict[str, Any], price: float, answered_at: datetime
) -> DelayedQuote:
    total, market = trade.get("ttlQty"), _at(security, "mkt", "nm")
    return DelayedQuote(
        ticker=security["symb"],
        name=str(security.get("desc", "")).strip(),
        market=market if isinstance(market, str) else None,
        price=price,
        open=_number(prices, "opngPric"),
        high=_number(prices, "maxPric"),
        low=_number(prices, "minPric"),
        avg=_number(prices, "avrgPric"),
        change_pct=_number(prices, "prcFlcn"),
        trades=total if isinstance(total, int) and not isinstance(total, bool) else None,
        answered_at=answered_at,
    )


def _answered_at(document: Any) -> datetime:
    text = _at(document, "Msg", "dtTm")
    try:
        moment = datetime.fromisoformat(text)
        # Arithmetic at either end of the calendar would overflow; no market was open then.
        if not 2000 <= moment.year <= 2200:
            raise ValueError("year out of range")
    except (TypeError, ValueError) as error:
        raise ScrapeError(f"B3 sent the time {str(text)[:40]!r}: {error}", FailureClass.VALIDATION) from error
    return moment.replace(tzinfo=MARKET_ZONE) if moment.tzinfo is None else moment


def _number(prices: dict[str, Any], field: str) -> float | None:
    value = prices.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScrapeError(f"B3 sent {str(value)[:40]!r} as {field}, not a number", FailureClass.VALIDATION)
    return float(value)


def _at(document: object, *path: str) -> Any:
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _missing(what: str) -> ScrapeError:
    return ScrapeError(f"B3's quotation lacks {what}", FailureClass.VALIDATION)
