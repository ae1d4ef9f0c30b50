"""TradingView against a recorded upstream, over real HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest
from tests.samples import scans
from tests.scraping import at, data_of, failure_of, pointed_to, result_of
from tests.upstream import Upstream

from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.tradingview import SCAN_PATH, TradingViewScraper
from pregao.scrapers.builtin.tradingview_scan import COLUMNS
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.http import aclose_clients

SYMBOL = "BMFBOVESPA:SMPL4"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def tradingview(upstream: Upstream, tmp_path: Path) -> AsyncIterator[TradingViewScraper]:
    yield TradingViewScraper(pointed_to(upstream, tmp_path, "TRADINGVIEW"), at("2026-10-05T12:10:00"))
    await aclose_clients()


@pytest.mark.parametrize("argument", ["smpl4", " BMFBOVESPA:SMPL4 "])
async def test_a_paper_is_asked_for_by_exchange_and_ticker_with_our_columns(
    upstream: Upstream, tradingview: TradingViewScraper, argument: str
) -> None:
    upstream.answer(SCAN_PATH, scans.scan(scans.row(SYMBOL)))
    data = await data_of(tradingview, argument)
    assert (data["ticker"], data["price"], data["recommendation"]) == ("SMPL4", 30.1, "buy")
    assert (data["as_of"], data["url"]) == ("2026-10-05T11:55:00.000-03:00", upstream.url + SCAN_PATH)
    (request,) = upstream.requests
    assert request.method == "POST"
    assert orjson.loads(request.body) == {
        "symbols": {"tickers": [SYMBOL], "query": {"types": []}},
        "columns": list(COLUMNS),
    }


async def test_empty_fields_are_listed(upstream: Upstream, tradingview: TradingViewScraper) -> None:
    upstream.answer(SCAN_PATH, scans.scan(scans.row(SYMBOL, RSI=None)))
    assert (await result_of(tradingview, "SMPL4")).metadata == {"empty_fields": ["rsi_14"]}


async def test_an_unknown_paper_is_absent_and_not_found(upstream: Upstream, tradingview: TradingViewScraper) -> None:
    upstream.answer(SCAN_PATH, scans.scan())
    error = await failure_of(tradingview, "SMPL4")
    assert (error.failure_class, error.retryable) == (FailureClass.NOT_FOUND, False)


async def test_a_column_that_is_gone_is_a_format_change(upstream: Upstream, tradingview: TradingViewScraper) -> None:
    upstream.answer(SCAN_PATH, b'{"totalCount":0,"error":"Unknown field \\"ADX\\"","data":null}', 400)
    error = await failure_of(tradingview, "SMPL4")
    assert error.failure_class is FailureClass.VALIDATION
    assert "ADX" in str(error)


async def test_a_limit_keeps_what_the_source_asks_to_wait(upstream: Upstream, tradingview: TradingViewScraper) -> None:
    upstream.answer(SCAN_PATH, b"", 429, {"Retry-After": "30"})
    error = await failure_of(tradingview, "SMPL4")
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 30.0


@pytest.mark.parametrize(
    ("argument", "failure_class"),
    [(None, FailureClass.PERMANENT), ("BMFBOVESPA:", FailureClass.PERMANENT), ("NASDAQ:AAPL", FailureClass.NOT_FOUND)],
)
async def test_what_cannot_be_a_ticker_is_refused_without_asking(
    upstream: Upstream, tradingview: TradingViewScraper, argument: str | None, failure_class: FailureClass
) -> None:
    assert (await failure_of(tradingview, argument)).failure_class is failure_class
    assert upstream.requests == []
