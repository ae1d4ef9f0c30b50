"""What CoinMarketCap says of coins: its own service for those with a key, and the listing behind its front page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pregao.domain.clock import market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import json_answers
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.json_answers import at, invalid, moment, need_keys, number, price, text

KEY = "COINMARKETCAP_API_KEY"
CURRENCY = "USD"
MAX_TAGS = 40

_HOST = "CoinMarketCap"
_QUOTES, _LISTING = "CoinMarketCap's quotes", "CoinMarketCap's listing"
_UNRANKED = 10**9
_NAMES = ("symbol", "name", "slug")
_QUOTED = ("cmc_rank", "circulating_supply", "total_supply", "max_supply", "tags")
_QUOTED_IN_USD = (
    *("price", "volume_24h", "percent_change_1h", "percent_change_24h", "percent_change_7d", "percent_change_30d"),
    *("market_cap", "market_cap_dominance", "last_updated"),
)
_LISTED = ("cmcRank", "high24h", "low24h", "circulatingSupply")
_LISTED_IN_USD = (
    *("price", "volume24h", "percentChange1h", "percentChange24h", "percentChange7d", "percentChange30d"),
    *("marketCap", "dominance", "lastUpdated"),
)


@dataclass(frozen=True, slots=True)
class Coin:
    """One coin. Amounts are in `currency`, changes in percent, supplies in coins; None where the source has nothing.

    Fields of the key's service and, in brackets, of the listing: cmc_rank (cmcRank); quote.USD: price, volume_24h
    (volume24h), percent_change_24h (percentChange24h) …, market_cap (marketCap), market_cap_dominance (dominance),
    last_updated (lastUpdated); circulating_supply, total_supply, max_supply. Only the listing has high24h and low24h.
    """

    symbol: str
    name: str
    slug: str
    rank: int | None
    currency: str
    price: float
    updated_at: datetime | None
    high_24h: float | None = None
    low_24h: float | None = None
    volume_24h: float | None = None
    change_1h_pct: float | None = None
    change_24h_pct: float | None = None
    change_7d_pct: float | None = None
    change_30d_pct: float | None = None
    market_cap: float | None = None
    dominance_pct: float | None = None
    circulating_supply: float | None = None
    total_supply: float | None = None
    max_supply: float | None = None
    tags: tuple[str, ...] = ()


def parse_quotes(body: bytes, wanted: str, *, retry_after_seconds: float | None = None) -> Coin:
    """Read the key's service (v2/cryptocurrency/quotes/latest) for one symbol or slug.

    Several coins may share a symbol: the one with the best rank is meant. Raises ScrapeError: LOGIN for a key or plan
    that is refused, RATE_LIMITED, NOT_FOUND, NETWORK or BLOCKED, also when they come with HTTP 200; VALIDATION for
    what is not the format, naming what is missing.
    """
    document = json_answers.load(body, _HOST, _QUOTES)
    _refuse(document, _QUOTES, retry_after_seconds)
    data = at(document, "data")
    if not isinstance(data, dict):
        raise invalid(_QUOTES, "`data` is missing")
    # By symbol there is a list for each, by slug an object under the coin's number.
    listed = [row for value in data.values() for row in (value if isinstance(value, list) else [value])]
    row = best_match(_objects(listed, _QUOTES), wanted, slug="slug", rank="cmc_rank")
    if row is None:
        raise ScrapeError(f"CoinMarketCap knows no coin {wanted!r}", FailureClass.NOT_FOUND)
    quote = at(row, "quote", CURRENCY)
    if not isinstance(quote, dict):
        raise invalid(_QUOTES, f"`quote.{CURRENCY}` is missing")
    need_keys(_QUOTES, row, (*_NAMES, *_QUOTED))
    need_keys(_QUOTES, quote, _QUOTED_IN_USD)
    return Coin(
        symbol=text(row.get("symbol")),
        name=text(row.get("name")),
        slug=text(row.get("slug")),
        rank=rank_of(row, "cmc_rank"),
        currency=CURRENCY,
        price=price(_QUOTES, "price", quote.get("price")),
        updated_at=moment(_QUOTES, "last_updated", quote.get("last_updated")),
        volume_24h=number(_QUOTES, "volume_24h", quote.get("volume_24h")),
        change_1h_pct=number(_QUOTES, "percent_change_1h", quote.get("percent_change_1h")),
        change_24h_pct=number(_QUOTES, "percent_change_24h", quote.get("percent_change_24h")),
        change_7d_pct=number(_QUOTES, "percent_change_7d", quote.get("percent_change_7d")),
        change_30d_pct=number(_QUOTES, "percent_change_30d", quote.get("percent_change_30d")),
        market_cap=number(_QUOTES, "market_cap", quote.get("market_cap")),
        dominance_pct=number(_QUOTES, "market_cap_dominance", quote.get("market_cap_dominance")),
        circulating_supply=number(_QUOTES, "circulating_supply", row.get("circulating_supply")),
        total_supply=number(_QUOTES, "total_supply", row.get("total_supply")),
        max_supply=number(_QUOTES, "max_supply", row.get("max_supply")),
        tags=_tags(row.get("tags")),
    )


@dataclass(frozen=True, slots=True)
class Listing:
    """The front page's coins, largest first; each is read when it is asked for, so that one odd row hurts no other."""

    rows: tuple[dict[str, Any], ...]

    def find(self, wanted: str) -> Coin | None:
        """The coin with this symbol, slug or name; None when it is not listed.

        Raises ScrapeError: VALIDATION for a row that is not in its format, NOT_FOUND for one with a price of 0.
        """
        row = best_match(self.rows, wanted, slug="slug", rank="cmcRank")
        return None if row is None else _listed_coin(row)


def parse_listing(body: bytes, *, retry_after_seconds: float | None = None) -> Listing:
    """Read the front page's listing (data-api/v3/cryptocurrency/listing). Raises as `parse_quotes`."""
    document = json_answers.load(body, _HOST, _LISTING)
    _refuse(document, _LISTING, retry_after_seconds)
    rows = at(document, "data", "cryptoCurrencyList")
    if not isinstance(rows, list) or not rows:
        raise invalid(_LISTING, "`data.cryptoCurrencyList` is missing or empty")
    return Listing(_objects(rows, _LISTING))


def _listed_coin(row: dict[str, Any]) -> Coin:
    quotes = row.get("quotes")
    found = [quote for quote in quotes if at(quote, "name") == CURRENCY] if isinstance(quotes, list) else []
    if not found:
        raise invalid(_LISTING, f"{text(row.get('symbol'))} has no quote in {CURRENCY}")
    quote = found[0]
    need_keys(_LISTING, row, (*_NAMES, *_LISTED))
    need_keys(_LISTING, quote, _LISTED_IN_USD)
    return Coin(
        symbol=text(row.get("symbol")),
        name=text(row.get("name")),
        slug=text(row.get("slug")),
        rank=rank_of(row, "cmcRank"),
        currency=CURRENCY,
        price=price(_LISTING, "price", quote.get("price")),
        updated_at=moment(_LISTING, "lastUpdated", quote.get("lastUpdated")),
        high_24h=number(_LISTING, "high24h", row.get("high24h")),
        low_24h=number(_LISTING, "low24h", row.get("low24h")),
        volume_24h=number(_LISTING, "volume24h", quote.get("volume24h")),
        change_1h_pct=number(_LISTING, "percentChange1h", quote.get("percentChange1h")),
        change_24h_pct=number(_LISTING, "percentChange24h", quote.get("percentChange24h")),
        change_7d_pct=number(_LISTING, "percentChange7d", quote.get("percentChange7d")),
        change_30d_pct=number(_LISTING, "percentChange30d", quote.get("percentChange30d")),
        market_cap=number(_LISTING, "marketCap", quote.get("marketCap")),
        dominance_pct=number(_LISTING, "dominance", quote.get("dominance")),
        circulating_supply=number(_LISTING, "circulatingSupply", row.get("circulatingSupply")),
        total_supply=number(_LISTING, "totalSupply", row.get("totalSupply")),
        max_supply=number(_LISTING, "maxSupply", row.get("maxSupply")),
    )


def is_name(wanted: str) -> bool:
    """Whether it looks like a coin's name or slug, and not like its symbol, which is written in capitals.

    >>> is_name("bitcoin"), is_name("usd-coin"), is_name("BTC"), is_name("1INCH")
    (True, True, False, False)
    """
    return "-" in wanted or wanted != wanted.upper()


def best_match(rows: Iterable[dict[str, Any]], wanted: str, *, slug: str, rank: str) -> dict[str, Any] | None:
    """The row that `wanted` means, in any case: by symbol, slug or name, the best rank of several; None without one.

    Capitals are a symbol first. Everything else is a slug first, then a name: coins are sold under the symbol BITCOIN.
    `slug` and `rank` are the names of the fields.
    """
    rows = list(rows)
    fields = (slug, "name", "symbol") if is_name(wanted) else ("symbol", slug, "name")
    for field in fields:
        found = [row for row in rows if text(row.get(field)).lower() == wanted.lower()]
        if found:
            return min(found, key=lambda row: rank_of(row, rank) or _UNRANKED)
    return None


def rank_of(row: dict[str, Any], field: str) -> int | None:
    """A place in the order of market capitalisation, 1 for the largest; None for a coin without one."""
    value = row.get(field)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _UNRANKED else None


def describe_coin(coin: Coin, url: str) -> dict[str, Any]:
    """The result's `data`; `as_of` is when the source changed the price last: coins trade around the clock."""
    return {
        "symbol": coin.symbol,
        "name": coin.name,
        "slug": coin.slug,
        "rank": coin.rank,
        "currency": coin.currency,
        "price": coin.price,
        "high_24h": coin.high_24h,
        "low_24h": coin.low_24h,
        "volume_24h": coin.volume_24h,
        "change_1h_pct": coin.change_1h_pct,
        "change_24h_pct": coin.change_24h_pct,
        "change_7d_pct": coin.change_7d_pct,
        "change_30d_pct": coin.change_30d_pct,
        "market_cap": coin.market_cap,
        "dominance_pct": coin.dominance_pct,
        "circulating_supply": coin.circulating_supply,
        "total_supply": coin.total_supply,
        "max_supply": coin.max_supply,
        "tags": list(coin.tags[:MAX_TAGS]),
        "as_of": market_iso(coin.updated_at),
        "url": url,
    }


def _refuse(document: object, what: str, retry_after_seconds: float | None) -> None:
    """Raise for a status that reports an error, whatever the status of HTTP: the code is a number or a text."""
    code = at(document, "status", "error_code")
    if code in (0, "0"):
        return
    try:
        code = int(code)
    except (TypeError, ValueError):
        raise invalid(what, "`status.error_code` is missing") from None
    words = text(at(document, "status", "error_message"))[:200] or "it does not say why"
    if code in (429, *range(1008, 1012)):
        raise RateLimited(f"CoinMarketCap: {words} ({code})", retry_after_seconds)
    if 1001 <= code <= 1007:
        raise ScrapeError(f"CoinMarketCap refuses {KEY}: {words} ({code})", FailureClass.LOGIN)
    if code == 400:
        of_the_name = '"symbol"' in words or '"slug"' in words
        raise ScrapeError(f"CoinMarketCap: {words}", FailureClass.NOT_FOUND if of_the_name else FailureClass.PERMANENT)
    failure_class = FailureClass.NETWORK if 500 <= code < 600 else FailureClass.ERROR
    raise ScrapeError(f"CoinMarketCap is in trouble: {words} ({code})", failure_class)


def _objects(rows: list[Any], what: str) -> tuple[dict[str, Any], ...]:
    for row in rows:
        if not isinstance(row, dict) or not text(row.get("symbol")):
            raise invalid(what, f"a coin has no `symbol`: {str(row)[:60]}")
    return tuple(rows)


def _tags(value: object) -> tuple[str, ...]:
    """Tags are objects with a slug, or, in older answers, the slugs alone."""
    listed = value if isinstance(value, list) else []
    slugs = (text(tag.get("slug")) if isinstance(tag, dict) else text(tag) for tag in listed)
    return tuple(slug for slug in slugs if slug)
