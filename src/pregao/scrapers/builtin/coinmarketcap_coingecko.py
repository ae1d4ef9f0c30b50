"""CoinGecko: keyless prices of coins, which stand in for CoinMarketCap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import json_answers
from pregao.scrapers.builtin.coinmarketcap_quotes import Coin, best_match, rank_of
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.json_answers import at, invalid, moment, need_keys, number, price, text

_HOST = "CoinGecko"
_MARKETS, _PRICES = "CoinGecko's markets", "CoinGecko's prices"
_TRADED = (
    *("id", "symbol", "name", "market_cap_rank", "current_price", "last_updated", "high_24h", "low_24h"),
    *("total_volume", "price_change_percentage_24h", "market_cap", "circulating_supply", "total_supply", "max_supply"),
)


@dataclass(frozen=True, slots=True)
class Markets:
    """The largest coins, in `currency`; each is read when it is asked for, so that one odd row hurts no other."""

    rows: tuple[dict[str, Any], ...]
    currency: str

    def find(self, wanted: str) -> Coin | None:
        """The coin with this symbol, id or name; None when it is not there. Raises ScrapeError as `Listing.find`.

        Fields: current_price, high_24h, low_24h, total_volume, price_change_percentage_24h, market_cap,
        market_cap_rank, circulating_supply, total_supply, max_supply, last_updated.
        """
        row = best_match(self.rows, wanted, slug="id", rank="market_cap_rank")
        return None if row is None else _market_coin(row, self.currency)


def parse_markets(body: bytes, currency: str, *, retry_after_seconds: float | None = None) -> Markets:
    """Read /coins/markets; `currency` is that of the request, since the rows do not say.

    Raises ScrapeError: RATE_LIMITED (with HTTP 429 and with 200), NOT_FOUND, NETWORK or BLOCKED; VALIDATION for what
    is not the format, naming what is missing.
    """
    rows = json_answers.load(body, _HOST, _MARKETS)
    _refuse(rows, _MARKETS, retry_after_seconds)
    if not isinstance(rows, list) or not rows:
        raise invalid(_MARKETS, "there is no list of coins, or an empty one")
    for row in rows:
        if not isinstance(row, dict) or not text(row.get("symbol")):
            raise invalid(_MARKETS, f"a coin has no `symbol`: {str(row)[:60]}")
    return Markets(tuple(rows), currency)


def _market_coin(row: dict[str, Any], currency: str) -> Coin:
    need_keys(_MARKETS, row, _TRADED)

    def value(field: str) -> float | None:
        return number(_MARKETS, field, row.get(field))

    return Coin(
        symbol=text(row.get("symbol")).upper(),
        name=text(row.get("name")),
        slug=text(row.get("id")),
        rank=rank_of(row, "market_cap_rank"),
        currency=currency.upper(),
        price=price(_MARKETS, "current_price", row.get("current_price")),
        updated_at=moment(_MARKETS, "last_updated", row.get("last_updated")),
        high_24h=value("high_24h"),
        low_24h=value("low_24h"),
        volume_24h=value("total_volume"),
        change_24h_pct=value("price_change_percentage_24h"),
        market_cap=value("market_cap"),
        circulating_supply=value("circulating_supply"),
        total_supply=value("total_supply"),
        max_supply=value("max_supply"),
    )


def parse_price(
    body: bytes,
    coin_id: str,
    currency: str,
    *,
    included: Sequence[str] = (),
    retry_after_seconds: float | None = None,
) -> Coin:
    """Read /simple/price for one id: usd, usd_market_cap, usd_24h_vol, usd_24h_change, last_updated_at (seconds).

    `included` is what the request asked for beside the price (its `include_…`), and so has to be there. Raises as
    `parse_markets`; NOT_FOUND for the empty object that an unknown id gets.
    """
    document = json_answers.load(body, _HOST, _PRICES)
    _refuse(document, _PRICES, retry_after_seconds)
    if not isinstance(document, dict):
        raise invalid(_PRICES, "it is no object")
    row, unit = document.get(coin_id), currency.lower()
    if row is None:
        raise ScrapeError(f"CoinGecko knows no coin {coin_id!r}", FailureClass.NOT_FOUND)
    if not isinstance(row, dict):
        raise invalid(_PRICES, f"`{coin_id}` is no object")
    extras = [name if name == "last_updated_at" else f"{unit}_{name.replace('24hr', '24h')}" for name in included]
    need_keys(_PRICES, row, (unit, *extras))
    updated = row.get("last_updated_at")
    return Coin(
        symbol="",
        name="",
        slug=coin_id,
        rank=None,
        currency=currency.upper(),
        price=price(_PRICES, unit, row.get(unit)),
        updated_at=None if updated is None else moment(_PRICES, "last_updated_at", updated),
        volume_24h=number(_PRICES, f"{unit}_24h_vol", row.get(f"{unit}_24h_vol")),
        change_24h_pct=number(_PRICES, f"{unit}_24h_change", row.get(f"{unit}_24h_change")),
        market_cap=number(_PRICES, f"{unit}_market_cap", row.get(f"{unit}_market_cap")),
    )


def _refuse(document: object, what: str, retry_after_seconds: float | None) -> None:
    status, said = at(document, "status"), at(document, "error")
    if isinstance(said, str):
        failure_class = FailureClass.NOT_FOUND if "not found" in said else FailureClass.ERROR
        raise ScrapeError(f"CoinGecko: {said[:200]}", failure_class)
    if not isinstance(status, dict) or "error_code" not in status:
        return
    words = text(status.get("error_message"))[:200] or "it does not say why"
    if status["error_code"] in (429, "429"):
        raise RateLimited(f"CoinGecko: {words}", retry_after_seconds)
    raise ScrapeError(f"CoinGecko refuses {what}: {words} ({str(status['error_code'])[:20]})", FailureClass.ERROR)
