"""What the scrapers bring of rates, coins and news from the sample market, and what models say of it, fits together."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from math import prod
from pathlib import Path
from typing import Any

import httpx
import pytest
from asyncpg import Pool
from tests.market_picture import COINS, MOMENTS, NEWS, Picture, picture_at
from tests.sample_markets import IN_SESSION, clock_at, sample_server, settings_for
from tests.scraping import data_of

from pregao.sample_market.headlines import MARK
from pregao.scrapers.builtin.bcb import BCBScraper
from pregao.scrapers.builtin.chatgpt import ChatGPTScraper
from pregao.scrapers.builtin.coinmarketcap import CoinMarketCapScraper
from pregao.scrapers.builtin.gemini import GeminiScraper
from pregao.scrapers.builtin.googlenews import GoogleNewsScraper
from pregao.scrapers.builtin.tradingview import TradingViewScraper
from pregao.scrapers.http import aclose_clients
from pregao.store.results import Results


@pytest.fixture(params=MOMENTS)
def picture(request: pytest.FixtureRequest) -> Picture:
    return picture_at(request.param)


# -- rates and coins ---------------------------------------------------------------------------------------------------


def test_rates_follow_from_each_other(picture: Picture) -> None:
    rates = picture.of(BCBScraper)
    yearly = ((1 + rates["CDI"]["value"] / 100) ** 252 - 1) * 100
    months = [row["value"] for row in rates["IPCA"]["recent"][-12:]]

    assert yearly == pytest.approx(rates["SELIC"]["value"] - 0.1, abs=0.26)
    assert rates["IPCA"]["accumulated_12m_pct"] == pytest.approx(
        (prod(1 + each / 100 for each in months) - 1) * 100, abs=0.01
    )
    assert 1.0 < rates["EUR"]["value"] / rates["USD"]["value"] < 1.35
    assert 4 < rates["USD"]["value"] < 7
    assert all(date.fromisoformat(each["date"]) <= picture.now.date() for each in rates.values())


@pytest.mark.parametrize("symbol", COINS)
def test_a_coin_is_worth_its_price_times_its_supply(picture: Picture, symbol: str) -> None:
    coin = picture[CoinMarketCapScraper, symbol]

    assert coin["market_cap"] == pytest.approx(coin["price"] * coin["circulating_supply"], rel=1e-6)
    assert coin["low_24h"] <= coin["price"] <= coin["high_24h"]
    assert coin["max_supply"] is None or coin["circulating_supply"] <= coin["max_supply"]
    assert 0.001 < coin["volume_24h"] / coin["market_cap"] < 0.5
    if symbol == "USDT":
        assert coin["price"] == pytest.approx(1, abs=0.01)


async def test_both_sources_of_coins_agree_and_reais_follow_from_dollars(tmp_path: Path) -> None:
    clock = clock_at(IN_SESSION)
    with sample_server(clock) as origin:
        settings = settings_for(origin, tmp_path)
        listed = await data_of(CoinMarketCapScraper(settings, clock), "BTC")
        dollar = await data_of(BCBScraper(settings, clock), "USD")
        await aclose_clients()
        async with httpx.AsyncClient(base_url=f"{origin}/coinmarketcap/api/v3/coins") as client:
            in_dollars, in_reais = [
                (await client.get("/markets", params={"vs_currency": currency})).json()[0]["current_price"]
                for currency in ("usd", "brl")
            ]

    assert in_dollars == listed["price"]
    assert in_reais == pytest.approx(in_dollars * dollar["value"], rel=1e-9)


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scraper", NEWS, ids=lambda scraper: scraper.name)
def test_news_are_past_ordered_and_marked(picture: Picture, scraper: Any) -> None:
    items = picture[scraper, None]["items"]
    times = [datetime.fromisoformat(item["published_at"]) for item in items]

    assert items
    assert times == sorted(times, reverse=True)
    assert picture.now - timedelta(days=40) < times[-1]
    assert times[0] <= picture.now
    assert all(item["title"].startswith(MARK) for item in items)


@pytest.mark.parametrize("scraper", NEWS, ids=lambda scraper: scraper.name)
def test_amounts_in_news_are_of_a_size_that_there_is(picture: Picture, scraper: Any) -> None:
    for item in picture[scraper, None]["items"]:
        for percent in re.findall(r"([\d,]+)%", item["title"]):
            assert float(percent.replace(",", ".")) < 5, item["title"]
        for rate in re.findall(r"fecha a R\$ ([\d,]+)", item["title"]):
            assert float(rate.replace(",", ".")) == pytest.approx(picture[BCBScraper, "USD"]["value"], rel=0.1)


async def test_news_of_a_ticker_speak_of_that_paper_of_its_company(tmp_path: Path) -> None:
    clock = clock_at(IN_SESSION)
    with sample_server(clock) as origin:
        news = await data_of(GoogleNewsScraper(settings_for(origin, tmp_path), clock), "PETR4")
        await aclose_clients()

    tickers = {found for item in news["items"] for found in re.findall(r"\((\w+)\)", item["title"])}
    assert tickers == {"PETR4"}


@pytest.mark.parametrize("scraper", [ChatGPTScraper, GeminiScraper], ids=lambda scraper: scraper.name)
async def test_models_speak_of_the_price_that_the_others_show(scraper: Any, pool: Pool, tmp_path: Path) -> None:
    clock = clock_at(IN_SESSION)
    with sample_server(clock) as origin:
        settings = settings_for(origin, tmp_path)
        quote = await data_of(TradingViewScraper(settings, clock), "VALE3")
        said = await data_of(scraper(settings, clock, stored=Results(pool)), "VALE3")
        await aclose_clients()

    shown = f"R$ {quote['price']:.2f}".replace(".", ",")
    assert shown in said["answer"]
    assert "VALE3" in said["answer"]
    assert said["total_tokens"] == said["prompt_tokens"] + said["completion_tokens"] + said["thoughts_tokens"]
    assert 0 < said["cost_usd"] < 0.1
    assert f"{clock.now():%Y-%m-%d}" not in said["model"]
