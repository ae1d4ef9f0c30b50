"""Whatever a source sends in place of data: no scraper calls it a success, and each says what it was by a class."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncpg import Pool
from tests.sample_markets import EVENING, IN_SESSION, clock_at, settings_for
from tests.samples import answers
from tests.scraping import data_of
from tests.upstream import Answer, Upstream

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper
from pregao.scrapers.builtin.b3 import B3Scraper
from pregao.scrapers.builtin.bcb import BCBScraper
from pregao.scrapers.builtin.bloomberg import BloombergScraper
from pregao.scrapers.builtin.chatgpt import ChatGPTScraper
from pregao.scrapers.builtin.coinmarketcap import CoinMarketCapScraper
from pregao.scrapers.builtin.fundamentus import FundamentusScraper
from pregao.scrapers.builtin.gemini import GeminiScraper
from pregao.scrapers.builtin.googlenews import GoogleNewsScraper
from pregao.scrapers.builtin.investidor10 import Investidor10Scraper
from pregao.scrapers.builtin.investing import InvestingScraper
from pregao.scrapers.builtin.opcoes import OpcoesScraper
from pregao.scrapers.builtin.statusinvest import StatusInvestScraper
from pregao.scrapers.builtin.tradingview import TradingViewScraper
from pregao.scrapers.builtin.valor import ValorScraper
from pregao.scrapers.http import aclose_clients
from pregao.store.results import Results

ASKED: dict[type[BaseScraper], str] = {
    B3Scraper: "PETR4",
    BCBScraper: "SELIC",
    BloombergScraper: "PETR4",
    CoinMarketCapScraper: "BTC",
    FundamentusScraper: "PETR4",
    GoogleNewsScraper: "PETR4",
    Investidor10Scraper: "PETR4",
    InvestingScraper: "equities/petrobras-pn",
    OpcoesScraper: "PETR4",
    StatusInvestScraper: "PETR4",
    TradingViewScraper: "PETR4",
    ValorScraper: "PETR4",
}
JSON, PAGE = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}
IN_PLACE_OF_DATA = {
    "nothing": Answer(body=b""),
    "blanks": Answer(body=b" \r\n"),
    "a challenge": Answer(body=answers.CHALLENGE, headers=PAGE),
    "a page": Answer(body=answers.PAGE, headers=PAGE),
    "bad gateway": Answer(body=b"<html><body><h1>502 Bad Gateway</h1></body></html>", headers=PAGE),
    "an empty object": Answer(body=b"{}", headers=JSON),
    "an empty list": Answer(body=b"[]", headers=JSON),
    "null": Answer(body=b"null", headers=JSON),
    "an error": Answer(body=b'{"error":{"message":"internal error","code":500}}', headers=JSON),
    "an empty feed": Answer(body=b"<rss version='2.0'><channel></channel></rss>", headers={"Content-Type": "text/xml"}),
    "binary": Answer(body=bytes(range(256)) * 8),
}
STATUSES = {
    403: FailureClass.BLOCKED,
    404: None,
    429: FailureClass.RATE_LIMITED,
    500: FailureClass.NETWORK,
    503: FailureClass.NETWORK,
}
"""None where it means another thing to each source."""
EACH = pytest.mark.parametrize("scraper", ASKED, ids=lambda scraper: scraper.name)
MODELS = pytest.mark.parametrize("model", [ChatGPTScraper, GeminiScraper], ids=lambda model: model.name)
INSTEAD = pytest.mark.parametrize("answer", IN_PLACE_OF_DATA.values(), ids=IN_PLACE_OF_DATA)
STATUS = pytest.mark.parametrize("status", STATUSES)
NOTHING_FOUND = (GoogleNewsScraper, IN_PLACE_OF_DATA["an empty feed"])
"""A search that finds nothing is an answer."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await aclose_clients()


async def failure_of(scraper: BaseScraper, upstream: Upstream, argument: str) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        await scraper.scrape(argument)
    assert upstream.requests
    assert str(caught.value)
    assert caught.value.failure_class is not FailureClass.BUG
    return caught.value


@EACH
@INSTEAD
@pytest.mark.parametrize("local", [IN_SESSION, EVENING])
async def test_what_stands_in_place_of_data_is_a_failure_with_a_class(
    scraper: type[BaseScraper], answer: Answer, local: str, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.otherwise = answer
    made = scraper(settings_for(upstream.url, tmp_path), clock_at(local))
    if (scraper, answer) == NOTHING_FOUND:
        assert (await data_of(made, ASKED[scraper]))["count"] == 0
    else:
        await failure_of(made, upstream, ASKED[scraper])


@EACH
@STATUS
async def test_a_source_that_refuses_everything_is_told_by_its_status(
    scraper: type[BaseScraper], status: int, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.otherwise = Answer(status, b"refused")
    made = scraper(settings_for(upstream.url, tmp_path), clock_at(IN_SESSION))

    failure = await failure_of(made, upstream, ASKED[scraper])

    assert failure.failure_class is (STATUSES[status] or failure.failure_class)


@MODELS
async def test_models_too_fail_by_a_class_for_whatever_is_no_answer(
    model: Any, upstream: Upstream, tmp_path: Path, pool: Pool
) -> None:
    asked = model(settings_for(upstream.url, tmp_path), clock_at(IN_SESSION), stored=Results(pool))
    for answer in IN_PLACE_OF_DATA.values():
        upstream.otherwise = answer
        await failure_of(asked, upstream, "PETR4")
    for status, failure_class in STATUSES.items():
        upstream.otherwise = Answer(status, b"refused")
        failure = await failure_of(asked, upstream, "PETR4")
        assert failure.failure_class is (failure_class or failure.failure_class)
