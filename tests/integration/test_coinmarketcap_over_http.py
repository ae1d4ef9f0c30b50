"""CoinMarketCap and what stands in for it, against a recorded upstream, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.samples import answers, coins
from tests.scraping import at, data_of, failure_of, pointed_to, result_of
from tests.upstream import Answer, Upstream

from pregao.domain.clock import ManualClock
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.coinmarketcap import LISTING_PATH, MARKETS_PATH, PRICE_PATH, PRO_PATH, CoinMarketCapScraper
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.http import aclose_clients
from pregao.settings import Settings

LISTING = coins.listing(coins.listed("BTC", slug="bitcoin"), coins.listed("ETH", rank=2, slug="ethereum"))
MARKETS = coins.markets(coins.traded("BTC", coin_id="bitcoin"), coins.traded("SOL", rank=5, coin_id="solana"))

SMALL = (
    b'{"small-coin":{"usd":0.5,"usd_market_cap":9,"usd_24h_vol":null,"usd_24h_change":1,"last_updated_at":1791212400}}'
)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return at("2026-10-05T12:00:00")


@pytest.fixture
async def settings(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Settings]:
    yield pointed_to(upstream, tmp_path, "COINMARKETCAP")
    await aclose_clients()


@pytest.fixture
def keyless(settings: Settings, clock: ManualClock) -> CoinMarketCapScraper:
    return CoinMarketCapScraper(settings, clock)


@pytest.fixture
def with_key(upstream: Upstream, tmp_path: Path, settings: Settings, clock: ManualClock) -> CoinMarketCapScraper:
    return CoinMarketCapScraper(pointed_to(upstream, tmp_path, "COINMARKETCAP", COINMARKETCAP_API_KEY="hush"), clock)


# --- with a key


async def test_with_a_key_the_coin_comes_from_the_own_service(
    upstream: Upstream, with_key: CoinMarketCapScraper
) -> None:
    upstream.answer(PRO_PATH, coins.quotes({"BTC": [coins.coin("BTC")]}))
    result = await result_of(with_key, "btc")
    assert (result.data["symbol"], result.data["price"]) == ("BTC", 50_000.5)
    (request,) = upstream.requests
    assert request.query == {"symbol": "BTC", "convert": "USD"}
    assert request.headers["x-cmc_pro_api_key"] == "hush"
    assert "hush" not in f"{result.data}{result.metadata}"
    assert "instead_of" not in result.metadata


async def test_a_slug_is_asked_for_as_one(upstream: Upstream, with_key: CoinMarketCapScraper) -> None:
    upstream.answer(PRO_PATH, coins.quotes({"1": coins.coin("BTC", slug="bitcoin")}))
    assert (await data_of(with_key, "bitcoin"))["symbol"] == "BTC"
    assert upstream.requests[0].query["slug"] == "bitcoin"


@pytest.mark.parametrize("status", [401, 200])
async def test_a_key_that_is_refused_is_told_and_nobody_stands_in(
    upstream: Upstream, with_key: CoinMarketCapScraper, status: int
) -> None:
    upstream.answer(PRO_PATH, coins.refusal(1001, "This API Key is invalid."), status)
    upstream.answer(LISTING_PATH, LISTING)
    error = await failure_of(with_key, "BTC")
    assert (error.failure_class, error.retryable) == (FailureClass.LOGIN, False)
    assert "COINMARKETCAP_API_KEY" in str(error)
    assert "hush" not in str(error)
    assert upstream.asked(LISTING_PATH) == 0


async def test_a_coin_that_the_own_service_does_not_know_is_not_found(
    upstream: Upstream, with_key: CoinMarketCapScraper
) -> None:
    upstream.answer(PRO_PATH, coins.NO_SUCH_SYMBOL, 400)
    assert (await failure_of(with_key, "XYZ")).failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(429, coins.refusal(1008, "slow down"), {"Retry-After": "60"}),
        Answer(200, coins.refusal(1009, "enough for today")),
        Answer(502, answers.PAGE),
        Answer(403, answers.CHALLENGE),
        Answer(500, b""),
        Answer(200, b""),
    ],
)
async def test_the_listing_stands_in_while_the_own_service_fails_in_a_passing_way(
    upstream: Upstream, with_key: CoinMarketCapScraper, trouble: Answer
) -> None:
    upstream.react(PRO_PATH, trouble)
    upstream.answer(LISTING_PATH, LISTING)
    result = await result_of(with_key, "BTC")
    assert (result.data["price"], result.metadata["instead_of"]) == (50_000.5, "https://pro-api.coinmarketcap.com")
    assert result.metadata["because"]
    assert "x-cmc_pro_api_key" not in upstream.requests[-1].headers


# --- without


async def test_without_a_key_the_coin_comes_from_the_listing(upstream: Upstream, keyless: CoinMarketCapScraper) -> None:
    upstream.answer(LISTING_PATH, LISTING)
    result = await result_of(keyless, "ETH")
    assert (result.data["slug"], result.data["high_24h"]) == ("ethereum", 51_000.0)
    assert result.data["url"].startswith(upstream.url + LISTING_PATH)
    assert "instead_of" not in result.metadata
    assert upstream.requests[0].query["convert"] == "USD"


async def test_one_listing_serves_all_coins_for_a_while(
    upstream: Upstream, settings: Settings, clock: ManualClock
) -> None:
    upstream.answer(LISTING_PATH, LISTING)
    scrapers = [CoinMarketCapScraper(settings, clock) for _ in range(10)]
    found = await asyncio.gather(
        *(data_of(scraper, name) for scraper, name in zip(scrapers, ["BTC", "ETH"] * 5, strict=True))
    )
    assert {data["symbol"] for data in found} == {"BTC", "ETH"}
    assert upstream.asked(LISTING_PATH) == 1
    clock.advance(timedelta(seconds=31))
    await data_of(scrapers[0], "BTC")
    assert upstream.asked(LISTING_PATH) == 2


async def test_coingecko_stands_in_while_the_listing_is_busy(upstream: Upstream, keyless: CoinMarketCapScraper) -> None:
    upstream.answer(LISTING_PATH, coins.BUSY)
    upstream.answer(MARKETS_PATH, MARKETS)
    result = await result_of(keyless, "BTC")
    assert (result.data["price"], result.metadata["instead_of"]) == (50_000.0, "https://api.coinmarketcap.com")
    assert "busy" in result.metadata["because"]


async def test_a_coin_outside_of_the_listing_may_be_in_the_markets(
    upstream: Upstream, keyless: CoinMarketCapScraper
) -> None:
    upstream.answer(LISTING_PATH, LISTING)
    upstream.answer(MARKETS_PATH, MARKETS)
    result = await result_of(keyless, "SOL")
    assert result.data["slug"] == "solana"
    assert "not among the 2 largest" in result.metadata["because"]


async def test_a_small_coin_is_found_by_its_slug(upstream: Upstream, keyless: CoinMarketCapScraper) -> None:
    upstream.answer(LISTING_PATH, LISTING)
    upstream.answer(MARKETS_PATH, MARKETS)
    upstream.answer(PRICE_PATH, SMALL)
    data = await data_of(keyless, "small-coin")
    assert (data["slug"], data["price"], data["as_of"]) == ("small-coin", 0.5, "2026-10-05T12:00:00.000-03:00")
    assert upstream.requests[-1].query["ids"] == "small-coin"


async def test_a_coin_that_no_source_has_is_not_found_and_says_what_a_key_would_do(
    upstream: Upstream, keyless: CoinMarketCapScraper
) -> None:
    upstream.answer(LISTING_PATH, LISTING)
    upstream.answer(MARKETS_PATH, MARKETS)
    error = await failure_of(keyless, "XYZ")
    assert (error.failure_class, error.retryable) == (FailureClass.NOT_FOUND, False)
    assert "with COINMARKETCAP_API_KEY every coin is found" in str(error)
    assert upstream.asked(PRICE_PATH) == 0


@pytest.mark.parametrize("status", [429, 200])
async def test_a_limit_of_all_sources_is_told_with_the_wait_of_the_first(
    upstream: Upstream, keyless: CoinMarketCapScraper, status: int
) -> None:
    upstream.answer(LISTING_PATH, coins.refusal("1011", "slow"), status, {"Retry-After": "9"})
    upstream.answer(MARKETS_PATH, coins.GECKO_TOO_FAST, status, {"Retry-After": "7"})
    error = await failure_of(keyless, "BTC")
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 9.0
    upstream.answer(LISTING_PATH, LISTING)
    upstream.answer(MARKETS_PATH, coins.GECKO_TOO_FAST, status, {"Retry-After": "7"})
    missing = await failure_of(keyless, "SOL")
    assert isinstance(missing, RateLimited)
    assert missing.retry_after_seconds == 7.0


async def test_a_listing_in_another_format_is_told(upstream: Upstream, keyless: CoinMarketCapScraper) -> None:
    upstream.answer(LISTING_PATH, coins.listing({"name": "no symbol"}))
    upstream.answer(MARKETS_PATH, MARKETS)
    assert (await failure_of(keyless, "BTC")).failure_class is FailureClass.VALIDATION
    assert upstream.asked(MARKETS_PATH) == 0


@pytest.mark.parametrize(
    ("argument", "failure_class"),
    [(None, FailureClass.PERMANENT), ("  ", FailureClass.PERMANENT), ("BTC,ETH", FailureClass.NOT_FOUND)],
)
async def test_what_cannot_be_a_coin_is_refused_without_asking(
    upstream: Upstream, keyless: CoinMarketCapScraper, argument: str | None, failure_class: FailureClass
) -> None:
    assert (await failure_of(keyless, argument)).failure_class is failure_class
    assert upstream.requests == []


async def test_a_price_from_the_future_is_no_success(upstream: Upstream, keyless: CoinMarketCapScraper) -> None:
    upstream.answer(LISTING_PATH, LISTING.replace(b"2026-10-05T15:00", b"2150-10-05T15:00"))
    error = await failure_of(keyless, "BTC")
    assert error.failure_class is FailureClass.VALIDATION
    assert "2150-10-05" in str(error)
