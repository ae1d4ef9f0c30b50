"""Answers of CoinMarketCap and CoinGecko, with invented values."""

from __future__ import annotations

from typing import Any

import orjson

UPDATED = "2026-10-05T15:00:00.000Z"


def status(code: object, message: str | None = None) -> dict[str, Any]:
    """The status that comes with every answer of CoinMarketCap: a number, or in the listing a text."""
    return {"timestamp": UPDATED, "error_code": code, "error_message": message, "elapsed": 1, "credit_count": 1}


def refusal(code: object, message: str) -> bytes:
    """An answer of CoinMarketCap that carries nothing but its status."""
    return orjson.dumps({"status": status(code, message)})


def coin(symbol: str, *, rank: int | None = 1, price: object = 50_000.5, slug: str = "sample", **quote: Any) -> Any:
    """One coin as the key's service has it."""
    quoted = {
        "price": price,
        "volume_24h": 1000.5,
        "percent_change_1h": 0.1,
        "percent_change_24h": -2.5,
        "percent_change_7d": 3.5,
        "percent_change_30d": None,
        "market_cap": 9_000_000.0,
        "market_cap_dominance": 44.4,
        "last_updated": UPDATED,
        **quote,
    }
    return {
        "id": rank,
        "name": "Sample Coin",
        "symbol": symbol,
        "slug": slug,
        "cmc_rank": rank,
        "circulating_supply": 19.0,
        "total_supply": 20.0,
        "max_supply": None,
        "tags": [{"slug": "mineable"}, {"slug": "pow"}],
        "quote": {"USD": quoted},
    }


def quotes(data: dict[str, Any]) -> bytes:
    """An answer of the key's service: coins by symbol, or by number when a slug was asked for."""
    return orjson.dumps({"status": status(0), "data": data})


def listed(symbol: str, *, rank: int | None = 1, price: object = 50_000.5, slug: str = "sample") -> dict[str, Any]:
    """One coin as the front page's listing has it."""
    quote = {
        "name": "USD",
        "price": price,
        "volume24h": 1000.5,
        "percentChange1h": 0.1,
        "percentChange24h": -2.5,
        "percentChange7d": 3.5,
        "percentChange30d": 4.5,
        "marketCap": 9_000_000.0,
        "dominance": 44.4,
        "lastUpdated": UPDATED,
    }
    return {
        "id": rank,
        "name": "Sample Coin",
        "symbol": symbol,
        "slug": slug,
        "cmcRank": rank,
        "high24h": 51_000.0,
        "low24h": 49_000.0,
        "circulatingSupply": 19.0,
        "totalSupply": 20.0,
        "maxSupply": 21.0,
        "quotes": [{"name": "BTC", "price": 1}, quote],
    }


def listing(*coins: Any) -> bytes:
    """The front page's listing."""
    data = {"cryptoCurrencyList": list(coins), "totalCount": str(len(coins))}
    return orjson.dumps({"data": data, "status": status("0", "SUCCESS")})


def traded(symbol: str, *, rank: int | None = 1, price: object = 50_000, coin_id: str = "sample") -> dict[str, Any]:
    """One coin as CoinGecko's markets have it."""
    return {
        "id": coin_id,
        "symbol": symbol.lower(),
        "name": "Sample Coin",
        "current_price": price,
        "market_cap": 9_000_000,
        "market_cap_rank": rank,
        "total_volume": 1000,
        "high_24h": 51_000,
        "low_24h": 49_000,
        "price_change_percentage_24h": -2.5,
        "circulating_supply": 19.0,
        "total_supply": None,
        "max_supply": None,
        "last_updated": UPDATED,
    }


def markets(*coins: Any) -> bytes:
    """CoinGecko's markets."""
    return orjson.dumps(list(coins))


BUSY = refusal("500", "The system is busy, please try again later!")
NO_SUCH_SYMBOL = refusal(400, 'Invalid value for "symbol": "XYZ"')
GECKO_TOO_FAST = b'{"status":{"error_code":429,"error_message":"You\'ve exceeded the Rate Limit."}}'
