"""What B3 gives while its own services are in trouble, and its company records, over real HTTP."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.samples import answers, cotahist, stand_ins
from tests.scraping import at, data_of, failure_of, pointed_to, result_of
from tests.upstream import Upstream

from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.b3 import B3Scraper
from pregao.scrapers.builtin.b3_company import call_path
from pregao.scrapers.http import aclose_clients
from pregao.settings import Settings

MONDAY = date(2026, 10, 5)
FILE = "/InstDados/SerHist/COTAHIST_D05102026.ZIP"
QUOTE = "/mds/api/v1/instrumentQuotation/SMPL4"
YAHOO = "/v8/finance/chart/SMPL4.SA"
BRAPI = "/api/quote/SMPL4"
CHART = stand_ins.chart("SMPL4", datetime(2026, 10, 5, 15, tzinfo=UTC), stand_ins.BAR)
SUPPLEMENT = call_path("GetListedSupplementCompany", issuingCompany="SMPL")
DETAIL = call_path("GetDetail", codeCVM="99999")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def settings(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Settings]:
    yield pointed_to(upstream, tmp_path, "B3")
    await aclose_clients()


@pytest.fixture
def in_session(settings: Settings) -> B3Scraper:
    return B3Scraper(settings, at("2026-10-05T12:05:00"))


@pytest.fixture
def after_close(settings: Settings) -> B3Scraper:
    return B3Scraper(settings, at("2026-10-05T21:00:00"))


@pytest.fixture
def with_token(upstream: Upstream, tmp_path: Path, settings: Settings) -> B3Scraper:
    return B3Scraper(pointed_to(upstream, tmp_path, "B3", BRAPI_TOKEN="hush"), at("2026-10-05T12:05:00"))


@pytest.mark.parametrize(("status", "body"), [(502, b""), (429, b""), (403, b""), (200, b""), (200, answers.CHALLENGE)])
async def test_yahoo_stands_in_while_the_delayed_quote_fails_in_a_passing_way(
    upstream: Upstream, in_session: B3Scraper, status: int, body: bytes
) -> None:
    upstream.answer(QUOTE, body, status)
    upstream.answer(YAHOO, CHART)
    result = await result_of(in_session, "SMPL4")
    assert (result.data["kind"], result.data["price"], result.data["open"]) == ("delayed_quote", 30.1, 30.0)
    assert result.data["as_of"] == "2026-10-05T12:00:00.000-03:00"
    assert result.data["url"].startswith(upstream.url + YAHOO)
    assert result.metadata["instead_of"] == "https://cotacao.b3.com.br"
    assert result.metadata["because"]


async def test_yahoo_stands_in_while_the_end_of_day_cannot_be_had(upstream: Upstream, after_close: B3Scraper) -> None:
    upstream.answer(FILE, status=503)
    upstream.answer(YAHOO, CHART)
    result = await result_of(after_close, "SMPL4")
    assert result.data["price"] == 30.1
    assert result.metadata["instead_of"] == "https://bvmf.bmfbovespa.com.br"
    assert "HTTP 503" in result.metadata["because"]


async def test_a_quote_in_another_format_is_told_and_nobody_stands_in(
    upstream: Upstream, in_session: B3Scraper
) -> None:
    upstream.answer(QUOTE, b"{}")
    upstream.answer(YAHOO, CHART)
    assert (await failure_of(in_session, "SMPL4")).failure_class is FailureClass.VALIDATION
    assert upstream.asked(YAHOO) == 0


async def test_a_paper_that_did_not_trade_is_not_looked_for_elsewhere(
    upstream: Upstream, after_close: B3Scraper
) -> None:
    upstream.answer(FILE, cotahist.archive(MONDAY, cotahist.record("OTHR3", MONDAY)))
    assert (await failure_of(after_close, "SMPL4")).failure_class is FailureClass.NOT_FOUND
    assert upstream.asked(YAHOO) == 0


@pytest.mark.parametrize(("body", "status"), [(stand_ins.CHART_NOT_FOUND, 404), (stand_ins.CHART_NOT_FOUND, 200)])
async def test_when_yahoo_does_not_help_the_failure_of_b3_is_told(
    upstream: Upstream, in_session: B3Scraper, body: bytes, status: int
) -> None:
    upstream.answer(QUOTE, status=502)
    upstream.answer(YAHOO, body, status)
    error = await failure_of(in_session, "SMPL4")
    assert (error.failure_class, error.retryable) == (FailureClass.NETWORK, True)
    assert "HTTP 502" in str(error)


async def test_brapi_is_the_last_to_stand_in_and_gets_the_token(upstream: Upstream, with_token: B3Scraper) -> None:
    upstream.answer(QUOTE, status=502)
    upstream.answer(YAHOO, b"Too Many Requests", 429)
    upstream.answer(BRAPI, stand_ins.brapi("SMPL4"))
    result = await result_of(with_token, "SMPL4")
    assert (result.data["price"], result.data["price_earnings"]) == (30.1, 5.0)
    assert [request.path for request in upstream.requests] == [QUOTE, YAHOO, BRAPI]
    assert upstream.requests[-1].headers["authorization"] == "Bearer hush"
    assert all("authorization" not in request.headers for request in upstream.requests[:-1])
    assert "hush" not in f"{result.data}{result.metadata}"


async def test_without_a_token_brapi_is_not_asked(upstream: Upstream, in_session: B3Scraper) -> None:
    upstream.answer(QUOTE, status=502)
    await failure_of(in_session, "SMPL4")
    assert upstream.asked(BRAPI) == 0


async def test_a_token_that_is_refused_leaves_the_failure_of_b3(upstream: Upstream, with_token: B3Scraper) -> None:
    upstream.answer(QUOTE, status=502)
    upstream.answer(BRAPI, stand_ins.BRAPI_BAD_TOKEN, 401)
    assert "HTTP 502" in str(await failure_of(with_token, "SMPL4"))


async def test_four_letters_are_a_company(upstream: Upstream, after_close: B3Scraper) -> None:
    upstream.answer(SUPPLEMENT, stand_ins.SUPPLEMENT)
    upstream.answer(DETAIL, stand_ins.DETAIL)
    data = await data_of(after_close, "smpl")
    assert (data["kind"], data["issuer"], data["total_shares"]) == ("company", "SMPL", 3_000_000)
    assert data["url"] == upstream.url + DETAIL


async def test_a_company_that_b3_does_not_list_is_not_found(upstream: Upstream, after_close: B3Scraper) -> None:
    upstream.answer(SUPPLEMENT, b"")
    error = await failure_of(after_close, "SMPL")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert "no company SMPL" in str(error)
