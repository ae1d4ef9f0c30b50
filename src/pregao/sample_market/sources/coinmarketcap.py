"""CoinMarketCap: the listing behind its front page; and CoinGecko, which stands in for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pregao.domain.calendar import market_day
from pregao.sample_market.answer import Answer, Asked, json_of
from pregao.sample_market.coins import Quote
from pregao.sample_market.market import Market

BUSY = {"error_code": "500", "error_message": "The system is busy, please try again later!"}
_MOST = 500


def answer(market: Market, asked: Asked) -> Answer | None:
    """The listing, CoinGecko's markets, or CoinGecko's price of some coins."""
    match asked.path:
        case "/data-api/v3/cryptocurrency/listing":
            return listing(market, _limit(asked, "limit"))
        case "/api/v3/coins/markets":
            quotes = market.coins.ranked(market.now())[: _limit(asked, "per_page")]
            rate = _dollar(market) if asked.query.get("vs_currency") == "brl" else 1.0
            return json_of([_traded(quote.times(rate), market.now()) for quote in quotes])
        case "/api/v3/simple/price":
            wanted = asked.query.get("ids", "").split(",")
            found = {quote.coin.slug: quote for quote in market.coins.ranked(market.now())}
            return json_of({slug: _priced(found[slug], market.now()) for slug in wanted if slug in found})
    return None


def listing(market: Market, limit: int) -> Answer:
    """The largest coins. Codes are texts in this answer."""
    now = market.now()
    quotes = market.coins.ranked(now)[:limit]
    rows = [_listed(quote, now) for quote in quotes]
    return json_of(
        {
            "data": {"cryptoCurrencyList": rows, "totalCount": str(len(rows))},
            "status": status(now, {"error_code": "0", "error_message": "SUCCESS"}),
        }
    )


def status(now: datetime, words: dict[str, str]) -> dict[str, object]:
    """What comes with every answer."""
    return {"timestamp": _stamp(now), **words, "elapsed": "31", "credit_count": 0}


def _listed(quote: Quote, now: datetime) -> dict[str, object]:
    coin = quote.coin
    in_dollars = {
        "name": "USD",
        "price": quote.price,
        "volume24h": quote.volume,
        "volume7d": quote.volume * 7.2,
        "volume30d": quote.volume * 30.5,
        "marketCap": quote.capitalisation,
        "selfReportedMarketCap": 0,
        "percentChange1h": round(quote.change_1h, 8),
        "percentChange24h": round(quote.change_24h, 8),
        "percentChange7d": round(quote.change_7d, 8),
        "lastUpdated": _stamp(now),
        "percentChange30d": round(quote.change_30d, 8),
        "percentChange60d": round(quote.change_30d, 8),
        "percentChange90d": round(quote.change_30d, 8),
        "fullyDilluttedMarketCap": round(quote.price * (coin.most or coin.supply), 2),
        "marketCapByTotalSupply": quote.capitalisation,
        "dominance": round(quote.dominance, 4),
        "turnover": round(quote.volume / quote.capitalisation, 8),
        "ytdPriceChangePercentage": round(quote.change_30d, 4),
    }
    return {
        "id": coin.number,
        "name": coin.name,
        "symbol": coin.symbol,
        "slug": coin.slug,
        "cmcRank": quote.rank,
        "marketPairCount": 1000 + coin.number % 900,
        "circulatingSupply": coin.supply,
        "selfReportedCirculatingSupply": 0,
        "totalSupply": coin.supply,
        "maxSupply": coin.most,
        "ath": coin.price * 1.4,
        "atl": coin.price * 0.001,
        "high24h": quote.high_24h,
        "low24h": quote.low_24h,
        "isActive": 1,
        "lastUpdated": _stamp(now),
        "dateAdded": "2013-04-28T00:00:00.000Z",
        "quotes": [in_dollars],
        "isAudited": False,
    }


def _traded(quote: Quote, now: datetime) -> dict[str, object]:
    coin = quote.coin
    change = quote.price - quote.price / (1 + quote.change_24h / 100)
    return {
        "id": coin.slug,
        "symbol": coin.symbol.lower(),
        "name": coin.name,
        "image": f"https://assets.coingecko.com/coins/images/{coin.number}/large/sample.png",
        "current_price": quote.price,
        "market_cap": round(quote.capitalisation),
        "market_cap_rank": quote.rank,
        "fully_diluted_valuation": round(quote.price * (coin.most or coin.supply)),
        "total_volume": round(quote.volume),
        "high_24h": quote.high_24h,
        "low_24h": quote.low_24h,
        "price_change_24h": change,
        "price_change_percentage_24h": round(quote.change_24h, 5),
        "market_cap_change_24h": change * coin.supply,
        "market_cap_change_percentage_24h": round(quote.change_24h, 5),
        "circulating_supply": coin.supply,
        "total_supply": coin.supply,
        "max_supply": coin.most,
        "ath": coin.price * 1.4,
        "ath_change_percentage": -20.5,
        "ath_date": "2025-10-06T18:57:42.558Z",
        "atl": coin.price * 0.001,
        "atl_change_percentage": 99_999.5,
        "atl_date": "2015-01-14T00:00:00.000Z",
        "roi": None,
        "last_updated": _stamp(now),
    }


def _priced(quote: Quote, now: datetime) -> dict[str, object]:
    return {
        "usd": quote.price,
        "usd_market_cap": quote.capitalisation,
        "usd_24h_vol": quote.volume,
        "usd_24h_change": quote.change_24h,
        "last_updated_at": int(now.timestamp()),
    }


def _dollar(market: Market) -> float:
    """The last closing rate, BRL for one US dollar."""
    now = market.now()
    day = market_day(now)
    return market.rates.closing("USD", day - timedelta(days=14), day, now)[-1].sell


def _limit(asked: Asked, name: str) -> int:
    text = asked.query.get(name, "100")
    return min(int(text), _MOST) if text.isascii() and text.isdigit() else 100


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
