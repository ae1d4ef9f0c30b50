"""Fundamentus, Status Invest and Investidor10 against a recorded upstream, over real HTTP."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.samples import block_pages, fundamentus_pages, investidor10_pages, statusinvest_pages
from tests.upstream import Upstream

from pregao.domain.clock import MARKET_ZONE, ManualClock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper
from pregao.scrapers.builtin.fundamentus import FundamentusScraper
from pregao.scrapers.builtin.investidor10 import Investidor10Scraper
from pregao.scrapers.builtin.statusinvest import StatusInvestScraper
from pregao.scrapers.http import BROWSER_USER_AGENT, aclose_clients
from pregao.scrapers.registry import Registry
from pregao.settings import Settings

SOURCES = ("FUNDAMENTUS", "STATUSINVEST", "INVESTIDOR10")
Make = Callable[[type[BaseScraper]], BaseScraper]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def settings(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Settings]:
    # Each source lies below a path of its own, as on a server that stands for all of them.
    environ = {f"PREGAO_UPSTREAM_{name}": f"{upstream.url}/{name.lower()}/" for name in SOURCES}
    yield Settings.load(None, environ=environ, pregao_home=tmp_path)
    await aclose_clients()


@pytest.fixture
def make(settings: Settings) -> Make:
    """Builds a scraper for the evening of a Monday, after the close."""
    clock = ManualClock(datetime(2026, 10, 5, 21, tzinfo=MARKET_ZONE))
    return lambda scraper: scraper(settings, clock)


async def data_of(scraper: BaseScraper, argument: str) -> dict[str, Any]:
    await scraper.initialize()
    try:
        result = await scraper.scrape(argument)
    finally:
        await scraper.cleanup()
    assert result.success
    assert result.source == scraper.source
    data: dict[str, Any] = result.data
    return data


async def failure_of(scraper: BaseScraper, argument: str | None) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        await scraper.scrape(argument)
    return caught.value


def paths(upstream: Upstream) -> list[str]:
    return [request.path for request in upstream.requests]


@pytest.mark.parametrize(
    ("loose", "name"),
    [
        ("StatusInvest", "StatusInvest"),
        ("status invest", "StatusInvest"),
        ("FUNDAMENTUS", "Fundamentus"),
        ("fundamentus.com.br", "Fundamentus"),
        ("INVESTIDOR10", "Investidor10"),
        ("investidor 10", "Investidor10"),
    ],
)
def test_the_scrapers_answer_to_the_names_that_schedules_use(loose: str, name: str, settings: Settings) -> None:
    registry = Registry.load(settings)
    assert registry.problems == []
    assert registry.resolve(loose) == name


# --- Fundamentus

DETAILS = "/fundamentus/detalhes.php"


async def test_fundamentus_asks_for_the_ticker_in_capitals_and_looks_like_a_browser(
    upstream: Upstream, make: Make
) -> None:
    upstream.answer(DETAILS, fundamentus_pages.share())
    data = await data_of(make(FundamentusScraper), " smpl4 ")
    assert (data["ticker"], data["price"], data["as_of"]) == ("SMPL4", 30.41, "2026-10-02T17:00:00.000-03:00")
    assert data["url"] == f"{upstream.url}{DETAILS}?papel=SMPL4"
    request = upstream.requests[0]
    assert request.query == {"papel": "SMPL4"}
    assert request.headers["user-agent"] == BROWSER_USER_AGENT


async def test_fundamentus_does_not_know_every_ticker(upstream: Upstream, make: Make) -> None:
    upstream.answer(DETAILS, fundamentus_pages.not_found())
    error = await failure_of(make(FundamentusScraper), "NONE3")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert not error.retryable


async def test_fundamentus_gives_funds_and_banks_in_their_layouts(upstream: Upstream, make: Make) -> None:
    upstream.answer(DETAILS, fundamentus_pages.fund())
    assert (await data_of(make(FundamentusScraper), "SMPL11"))["kind"] == "fund"
    upstream.answer(DETAILS, fundamentus_pages.bank())
    assert (await data_of(make(FundamentusScraper), "BANK4"))["kind"] == "bank"


async def test_a_quote_of_the_future_is_refused(upstream: Upstream, make: Make) -> None:
    upstream.answer(DETAILS, fundamentus_pages.share(**{"Data últ cot": "06/10/2026"}))
    error = await failure_of(make(FundamentusScraper), "SMPL4")
    assert error.failure_class is FailureClass.VALIDATION
    assert "dates its prices 2026-10-06" in str(error)


async def test_texts_that_could_not_be_read_are_in_the_metadata(upstream: Upstream, make: Make) -> None:
    upstream.answer(DETAILS, fundamentus_pages.share(PSR="?"))
    result = await make(FundamentusScraper).scrape("SMPL4")
    assert result.metadata == {"unread": {"psr": "?"}}


# --- Status Invest


async def test_status_invest_asks_for_a_share_by_its_ticker(upstream: Upstream, make: Make) -> None:
    upstream.answer("/statusinvest/acoes/smpl4", statusinvest_pages.share())
    data = await data_of(make(StatusInvestScraper), "SMPL4")
    assert (data["kind"], data["price"], data["page_date"]) == ("share", 30.41, "2026-10-03")
    assert data["as_of"] == "2026-10-02T17:00:00.000-03:00"
    assert data["url"] == f"{upstream.url}/statusinvest/acoes/smpl4"
    assert upstream.requests[0].headers["user-agent"] == BROWSER_USER_AGENT


async def test_eleven_is_a_fund_first_and_then_a_unit_and_then_an_etf(upstream: Upstream, make: Make) -> None:
    upstream.answer("/statusinvest/acoes/indx11", statusinvest_pages.not_found())
    upstream.answer("/statusinvest/etfs/indx11", statusinvest_pages.quote("INDX11"))
    assert (await data_of(make(StatusInvestScraper), "INDX11"))["kind"] == "etf"
    assert paths(upstream) == [f"/statusinvest/{folder}/indx11" for folder in ("fundos-imobiliarios", "acoes", "etfs")]


async def test_a_paper_that_no_folder_has_is_not_found_after_four_requests(upstream: Upstream, make: Make) -> None:
    error = await failure_of(make(StatusInvestScraper), "NONE11")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert "does not know NONE11 as a fund; StatusInvest does not know NONE11 as a share" in str(error)
    assert len(upstream.requests) == 4


async def test_a_fund_needs_one_request(upstream: Upstream, make: Make) -> None:
    upstream.answer("/statusinvest/fundos-imobiliarios/smpl11", statusinvest_pages.fund())
    assert (await data_of(make(StatusInvestScraper), "SMPL11"))["vp_cota"] == 161.73
    assert len(upstream.requests) == 1


async def test_a_redirect_to_the_right_folder_tells_the_kind(upstream: Upstream, make: Make) -> None:
    there = "/statusinvest/etfs/indx11"
    upstream.answer(
        "/statusinvest/fundos-imobiliarios/indx11", status=301, headers={"Location": f"{upstream.url}{there}"}
    )
    upstream.answer(there, statusinvest_pages.quote("INDX11"))
    data = await data_of(make(StatusInvestScraper), "INDX11")
    assert (data["kind"], data["url"]) == ("etf", upstream.url + there)


async def test_a_redirect_to_the_front_page_is_not_found(upstream: Upstream, make: Make) -> None:
    upstream.answer("/statusinvest/acoes/none3", status=302, headers={"Location": f"{upstream.url}/statusinvest/"})
    upstream.answer("/statusinvest/", block_pages.page("Status Invest"))
    assert (await failure_of(make(StatusInvestScraper), "NONE3")).failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize("status", [200, 403, 503])
async def test_a_block_ends_the_search_and_is_worth_a_retry(upstream: Upstream, make: Make, status: int) -> None:
    upstream.answer("/statusinvest/fundos-imobiliarios/smpl11", block_pages.CLOUDFLARE_BLOCK, status)
    error = await failure_of(make(StatusInvestScraper), "SMPL11")
    assert error.failure_class is FailureClass.BLOCKED
    assert error.retryable
    assert len(upstream.requests) == 1


async def test_a_gateways_page_with_status_200_is_a_network_failure(upstream: Upstream, make: Make) -> None:
    upstream.answer("/statusinvest/acoes/smpl4", block_pages.BAD_GATEWAY)
    error = await failure_of(make(StatusInvestScraper), "SMPL4")
    assert error.failure_class is FailureClass.NETWORK
    assert "502 bad gateway" in str(error)


# --- Investidor10


async def test_investidor10_asks_for_a_share_by_its_ticker(upstream: Upstream, make: Make) -> None:
    upstream.answer("/investidor10/acoes/smpl4/", investidor10_pages.share())
    result = await make(Investidor10Scraper).scrape("smpl4")
    assert (result.data["kind"], result.data["price"]) == ("share", 43.55)
    assert result.data["as_of"] == "2026-10-02T17:00:00.000-03:00"
    assert result.metadata == {"indicators": 44}
    assert upstream.requests[0].headers["user-agent"] == BROWSER_USER_AGENT


async def test_a_share_of_investidor10_without_indicators_is_refused(upstream: Upstream, make: Make) -> None:
    cards = "".join(investidor10_pages.card(*pair) for pair in investidor10_pages.SHARE_CARDS.items())
    body = investidor10_pages.page("SMPL4", investidor10_pages.price_card("43,55", "1,99%") + cards)
    upstream.answer("/investidor10/acoes/smpl4/", body)
    error = await failure_of(make(Investidor10Scraper), "SMPL4")
    assert error.failure_class is FailureClass.VALIDATION
    assert "no list of indicators" in str(error)


@pytest.mark.parametrize(
    ("ticker", "folder", "body", "kind"),
    [
        ("SMPL11", "fiis", investidor10_pages.fund("SMPL11"), "fund"),
        ("TAEE11", "acoes", investidor10_pages.share("TAEE11"), "share"),
        ("AGRO11", "fiagros", investidor10_pages.fund("AGRO11"), "agro_fund"),
        ("INDX11", "etfs", investidor10_pages.etf("INDX11"), "etf"),
        ("SMPL34", "bdrs", investidor10_pages.share("SMPL34"), "bdr"),
    ],
)
async def test_investidor10_finds_the_folder_of_each_kind(
    upstream: Upstream, make: Make, ticker: str, folder: str, body: bytes, kind: str
) -> None:
    upstream.answer(f"/investidor10/{folder}/{ticker.lower()}/", body)
    assert (await data_of(make(Investidor10Scraper), ticker))["kind"] == kind
    assert len(upstream.requests) <= 4


@pytest.mark.parametrize("status", [404, 410])
async def test_investidor10_does_not_know_every_ticker(upstream: Upstream, make: Make, status: int) -> None:
    upstream.answer("/investidor10/acoes/none3/", investidor10_pages.not_found(), status)
    assert (await failure_of(make(Investidor10Scraper), "NONE3")).failure_class is FailureClass.NOT_FOUND


async def test_an_etf_that_does_not_say_when_it_was_updated_has_no_market_time(upstream: Upstream, make: Make) -> None:
    upstream.answer("/investidor10/etfs/indx11/", investidor10_pages.etf("INDX11"))
    assert (await data_of(make(Investidor10Scraper), "INDX11"))["as_of"] is None


# --- all of them


@pytest.mark.parametrize("scraper", [FundamentusScraper, StatusInvestScraper, Investidor10Scraper])
@pytest.mark.parametrize("argument", [None, " ", "../etc", "PETR4 VALE3", "bitcoin"])
async def test_what_cannot_be_a_ticker_is_refused_without_asking(
    upstream: Upstream, make: Make, scraper: type[BaseScraper], argument: str | None
) -> None:
    error = await failure_of(make(scraper), argument)
    assert error.failure_class in (FailureClass.PERMANENT, FailureClass.NOT_FOUND)
    assert not error.retryable
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("scraper", "path"),
    [
        (FundamentusScraper, DETAILS),
        (StatusInvestScraper, "/statusinvest/acoes/smpl4"),
        (Investidor10Scraper, "/investidor10/acoes/smpl4/"),
    ],
)
@pytest.mark.parametrize(
    ("body", "failure_class"),
    [
        (b"", FailureClass.NETWORK),
        (b'{"error":"oops"}', FailureClass.VALIDATION),
        (block_pages.CAPTCHA, FailureClass.BLOCKED),
        (block_pages.page("SMPL4 - SAMPLE", "<h1>SMPL4 - SAMPLE</h1>" + "<p>texto</p>" * 50), FailureClass.VALIDATION),
    ],
)
async def test_status_200_without_the_data_is_no_success(
    upstream: Upstream,
    make: Make,
    scraper: type[BaseScraper],
    path: str,
    body: bytes,
    failure_class: FailureClass,
) -> None:
    upstream.answer(path, body)
    assert (await failure_of(make(scraper), "SMPL4")).failure_class is failure_class
