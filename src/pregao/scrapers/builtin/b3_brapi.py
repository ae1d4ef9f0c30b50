"""brapi.dev's quote of a B3 paper: needs a token, and stands in for B3's own services when they fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pregao.domain.calendar import last_trading_moment
from pregao.domain.clock import MARKET_ZONE
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers import json_answers
from pregao.scrapers.json_answers import at, count, invalid, moment, need_keys, number, price, text

BRAPI = "https://brapi.dev"
QUOTE_PATH = "/api/quote/{ticker}"
TOKEN = "BRAPI_TOKEN"

_WHAT = "brapi's quote"
_NEEDED = (
    *("shortName", "regularMarketPrice", "regularMarketOpen", "regularMarketDayHigh", "regularMarketDayLow"),
    *("regularMarketPreviousClose", "regularMarketVolume", "regularMarketChange", "regularMarketChangePercent"),
    "regularMarketTime",
)
"""What every quote has; what only companies have (earnings, capitalisation) may be absent."""


@dataclass(frozen=True, slots=True)
class BrapiQuote:
    """One paper. Prices and `market_cap` in BRL, `volume` in shares, `change_pct` in percent; None where not sent.

    Source fields: regularMarketPrice, …Open, …DayHigh, …DayLow, …PreviousClose, …Volume, …Change, …ChangePercent,
    …Time; priceEarnings; earningsPerShare; marketCap. The change is theirs: it is not always price less previous close.
    """

    symbol: str
    name: str
    price: float
    open: float | None
    high: float | None
    low: float | None
    previous_close: float | None
    volume: int | None
    change: float | None
    change_pct: float | None
    price_earnings: float | None
    earnings_per_share: float | None
    market_cap: float | None
    quoted_at: datetime

    @property
    def as_of(self) -> datetime:
        """The instant (UTC) the price is for: quotes carry the current time on holidays too."""
        return last_trading_moment(self.quoted_at)


def parse_brapi(body: bytes, ticker: str) -> BrapiQuote:
    """Read the quote of `ticker`.

    Raises ScrapeError: LOGIN for a token that is refused, NOT_FOUND for an unknown ticker or no price,
    BLOCKED, RATE_LIMITED or NETWORK for a page, VALIDATION for what is not the format, naming what is missing.
    """
    document = json_answers.load(body, "brapi", _WHAT)
    if at(document, "error"):
        raise _refusal(str(document.get("message"))[:200])
    results = at(document, "results")
    if not isinstance(results, list):
        raise invalid(_WHAT, "`results` is missing")
    if not results:
        raise ScrapeError(f"brapi does not know {ticker}", FailureClass.NOT_FOUND)
    row = results[0]
    if not isinstance(row, dict) or row.get("symbol") != ticker:
        raise invalid(_WHAT, f"`results[0]` is not of {ticker}")
    need_keys(_WHAT, row, _NEEDED)

    def value(field: str) -> float | None:
        return number(_WHAT, field, row.get(field))

    return BrapiQuote(
        symbol=ticker,
        name=text(row.get("longName")) or text(row.get("shortName")),
        price=price(_WHAT, "regularMarketPrice", row.get("regularMarketPrice")),
        open=value("regularMarketOpen"),
        high=value("regularMarketDayHigh"),
        low=value("regularMarketDayLow"),
        previous_close=value("regularMarketPreviousClose"),
        volume=count(_WHAT, "regularMarketVolume", row.get("regularMarketVolume")),
        change=value("regularMarketChange"),
        change_pct=value("regularMarketChangePercent"),
        price_earnings=value("priceEarnings"),
        earnings_per_share=value("earningsPerShare"),
        market_cap=value("marketCap"),
        quoted_at=moment(_WHAT, "regularMarketTime", row.get("regularMarketTime"), MARKET_ZONE),
    )


def _refusal(words: str) -> ScrapeError:
    folded = fold(words)
    if "token" in folded:
        return ScrapeError(f"brapi refuses {TOKEN}: {words}", FailureClass.LOGIN)
    known = "naoencontr" in folded or "notfound" in folded
    return ScrapeError(f"brapi says: {words}", FailureClass.NOT_FOUND if known else FailureClass.ERROR)
