"""B3's quotation service: prices of the running session, about fifteen minutes late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pregao.domain.calendar import last_trading_moment
from pregao.domain.clock import MARKET_ZONE
from pregao.scrapers import json_answers
from pregao.scrapers.json_answers import at, invalid, moment, need_keys, needed, number, shown

DELAY = timedelta(minutes=15)
_WHAT = "B3's quotation"
_PRICES = ("opngPric", "maxPric", "minPric", "avrgPric", "curPrc", "prcFlcn")


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

    Raises ScrapeError: BLOCKED or NETWORK for a page or nothing, VALIDATION for what is not the format, naming what
    is missing.
    """
    document = json_answers.load(body, "B3", _WHAT)
    status = at(document, "BizSts", "cd")
    if status == "NOK":
        return None
    if status != "OK":
        raise invalid(_WHAT, "`BizSts.cd` is missing")
    trades = document.get("Trad")
    trade = trades[0] if isinstance(trades, list) and trades else None
    security, prices = at(trade, "scty"), at(trade, "scty", "SctyQtn")
    if not isinstance(security, dict) or not isinstance(prices, dict):
        raise invalid(_WHAT, "`Trad[0].scty.SctyQtn` is missing")
    if security.get("symb") != ticker:
        raise invalid(_WHAT, f"it is of {shown(security.get('symb'))}, not of {ticker}")
    _need_all(trade, security, prices)
    price = needed(_WHAT, "curPrc", prices["curPrc"])
    if price < 0:
        raise invalid(_WHAT, f"`curPrc` is {shown(price)}, not a price")
    if not price:
        return None
    answered_at = moment(_WHAT, "Msg.dtTm", at(document, "Msg", "dtTm"), MARKET_ZONE)
    return _quote(trade, security, prices, price, answered_at)


def _need_all(trade: Any, security: dict[str, Any], prices: dict[str, Any]) -> None:
    need_keys(_WHAT, trade, ("ttlQty",))
    need_keys(_WHAT, security, ("desc", "mkt"))
    need_keys(_WHAT, prices, _PRICES)


def _quote(
    trade: Any, security: dict[str, Any], prices: dict[str, Any], price: float, answered_at: datetime
) -> DelayedQuote:
    total, market = trade.get("ttlQty"), at(security, "mkt", "nm")
    return DelayedQuote(
        ticker=security["symb"],
        name=str(security.get("desc", "")).strip(),
        market=market if isinstance(market, str) else None,
        price=price,
        open=number(_WHAT, "opngPric", prices.get("opngPric")),
        high=number(_WHAT, "maxPric", prices.get("maxPric")),
        low=number(_WHAT, "minPric", prices.get("minPric")),
        avg=number(_WHAT, "avrgPric", prices.get("avrgPric")),
        change_pct=number(_WHAT, "prcFlcn", prices.get("prcFlcn")),
        trades=total if isinstance(total, int) and not isinstance(total, bool) else None,
        answered_at=answered_at,
    )
