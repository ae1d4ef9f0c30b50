"""BCB against a recorded upstream, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.samples import answers
from tests.scraping import at, data_of, failure_of, pointed_to
from tests.upstream import Answer, Upstream

from pregao.domain.clock import ManualClock
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin import bcb_ptax
from pregao.scrapers.builtin.bcb import BCBScraper
from pregao.scrapers.builtin.bcb_soap import SOAP_PATH
from pregao.scrapers.http import aclose_clients
from pregao.settings import Settings

MONDAY = date(2026, 10, 5)
FRIDAY = date(2026, 10, 2)
SELIC = "/dados/serie/bcdata.sgs.432/dados"
DOLLAR = "/dados/serie/bcdata.sgs.1/dados"
IPCA = "/dados/serie/bcdata.sgs.433/dados"
EURO = "/dados/serie/bcdata.sgs.21619/dados"
SGS = "https://api.bcb.gov.br"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def settings(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Settings]:
    yield pointed_to(upstream, tmp_path, "BCB")
    await aclose_clients()


@pytest.fixture
def clock() -> ManualClock:
    """Monday evening."""
    return at("2026-10-05T21:00:00")


@pytest.fixture
def bcb(settings: Settings, clock: ManualClock) -> BCBScraper:
    return BCBScraper(settings, clock)


async def test_bcb_asks_for_a_window_up_to_today_and_gives_the_latest_value(
    upstream: Upstream, bcb: BCBScraper
) -> None:
    upstream.answer(SELIC, answers.sgs_days(MONDAY, "14.00", "13.75"))
    data = await data_of(bcb, "selic")
    assert (data["value"], data["date"], data["previous_value"]) == (13.75, "2026-10-05", 14.0)
    assert data["url"].startswith(f"{upstream.url}{SELIC}?formato=json")
    assert upstream.requests[0].query == {
        "formato": "json",
        "dataInicial": "06/08/2026",
        "dataFinal": "05/10/2026",
    }


async def test_bcb_says_who_it_is(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(SELIC, answers.sgs_days(MONDAY, "13.75"))
    await data_of(bcb, "432")
    assert upstream.requests[0].headers["user-agent"].startswith("Pregao/")


async def test_bcb_drops_values_of_the_future(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(SELIC, answers.sgs_days(MONDAY + timedelta(days=2), "14.00", "13.75", "13.50", "13.50"))
    data = await data_of(bcb, "SELIC")
    assert (data["value"], data["date"]) == (13.75, "2026-10-05")


async def test_today_is_a_date_in_sao_paulo(upstream: Upstream, settings: Settings) -> None:
    upstream.answer(SELIC, answers.sgs_days(MONDAY + timedelta(days=1), "14.00", "13.75"))
    late_evening = BCBScraper(settings, at("2026-10-05T23:30:00"))
    assert (await data_of(late_evening, "SELIC"))["date"] == "2026-10-05"


async def test_a_monthly_series_comes_with_its_twelve_months(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(IPCA, answers.sgs_months(2025, 9, *["1.00"] * 11, "-0.32"))
    data = await data_of(bcb, "IPCA")
    assert (data["value"], data["date"], data["accumulated_12m_pct"]) == (-0.32, "2026-08-01", 11.2098)


async def test_no_value_in_the_window_asks_for_ten_years(upstream: Upstream, bcb: BCBScraper) -> None:
    path = "/dados/serie/bcdata.sgs.4447/dados"
    upstream.react(path, Answer(404, answers.SGS_NO_VALUES), Answer(body=answers.sgs((date(2019, 1, 1), "7.5"))))
    assert (await data_of(bcb, "4447"))["value"] == 7.5
    assert [request.query["dataInicial"] for request in upstream.requests] == ["01/08/2025", "07/10/2016"]


async def test_no_value_in_ten_years_is_not_found(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(SELIC, answers.SGS_NO_VALUES, 404)
    error = await failure_of(bcb, "SELIC")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert not error.retryable


async def test_only_future_values_are_not_found(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(SELIC, answers.sgs((date(2026, 11, 2), "13.75")))
    assert (await failure_of(bcb, "SELIC")).failure_class is FailureClass.NOT_FOUND


async def test_a_refused_window_is_quoted(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(SELIC, answers.SGS_REFUSES_WINDOW, 406)
    error = await failure_of(bcb, "SELIC")
    assert error.failure_class is FailureClass.VALIDATION
    assert "10 anos" in str(error)


async def test_a_page_for_a_known_series_is_a_block_and_for_a_number_not_found(
    upstream: Upstream, bcb: BCBScraper
) -> None:
    upstream.answer(SELIC, answers.PAGE, headers={"Content-Type": "text/html"})
    upstream.answer("/dados/serie/bcdata.sgs.999999/dados", answers.PAGE)
    assert (await failure_of(bcb, "SELIC")).failure_class is FailureClass.BLOCKED
    assert (await failure_of(bcb, "999999")).failure_class is FailureClass.NOT_FOUND


async def test_ptax_stands_in_for_the_dollar_while_sgs_is_in_trouble(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(DOLLAR, status=502)
    upstream.answer(bcb_ptax.DOLLAR_PATH, answers.ptax((FRIDAY, 5.2238), (MONDAY, 5.2)))
    result = await bcb.scrape("USD")
    assert (result.data["value"], result.data["date"], result.data["series"]) == (5.2, "2026-10-05", 1)
    assert result.data["as_of"] == "2026-10-05T13:03:11.358-03:00"
    assert "HTTP 502" in result.metadata["because"]
    assert upstream.requests[-1].query["@dataFinalCotacao"] == "'10-05-2026'"


async def test_ptax_stands_in_for_the_euro_with_its_closing_rate(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(EURO, status=503)
    upstream.answer(
        bcb_ptax.CURRENCY_PATH, answers.ptax_bulletins((MONDAY, 6.1, "Abertura"), (MONDAY, 6.2, "Fechamento PTAX"))
    )
    result = await bcb.scrape("EUR")
    assert (result.data["value"], result.data["series"], result.metadata["instead_of"]) == (6.2, 21619, SGS)
    assert upstream.requests[-1].query["@moeda"] == "'EUR'"


async def test_soap_stands_in_for_every_other_series(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(SELIC, answers.PAGE)
    upstream.answer(
        SOAP_PATH, answers.soap(432, ("2/10/2026", "14.00"), ("5/10/2026", "13.75"), ("2/11/2026", "13.75"))
    )
    result = await bcb.scrape("SELIC")
    assert (result.data["value"], result.data["date"], result.data["previous_value"]) == (13.75, "2026-10-05", 14.0)
    assert (result.metadata["instead_of"], result.data["url"]) == (SGS, upstream.url + SOAP_PATH)
    request = upstream.requests[-1]
    assert (request.method, request.headers["soapaction"]) == ("POST", '""')
    assert b">432</item>" in request.body


async def test_soap_is_the_last_to_stand_in_for_the_dollar(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(DOLLAR, status=502)
    upstream.answer(bcb_ptax.DOLLAR_PATH, answers.ptax())
    upstream.answer(SOAP_PATH, answers.soap(1, ("5/10/2026", "5.2")))
    assert (await data_of(bcb, "USD"))["value"] == 5.2
    assert [request.path for request in upstream.requests] == [DOLLAR, bcb_ptax.DOLLAR_PATH, SOAP_PATH]


async def test_a_fault_of_soap_leaves_the_failure_of_sgs(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(SELIC, status=502)
    upstream.answer(SOAP_PATH, answers.soap_fault("Value(s) not found"), 500)
    error = await failure_of(bcb, "SELIC")
    assert (error.failure_class, "HTTP 502" in str(error)) == (FailureClass.NETWORK, True)


async def test_a_series_that_does_not_exist_is_not_asked_for_elsewhere(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer("/dados/serie/bcdata.sgs.999999/dados", answers.PAGE)
    await failure_of(bcb, "999999")
    assert upstream.asked(SOAP_PATH) == 0


async def test_jobs_that_want_a_series_at_once_wait_for_one_request(
    upstream: Upstream, settings: Settings, clock: ManualClock
) -> None:
    upstream.answer(SELIC, answers.sgs_days(MONDAY, "14.00", "13.75"))
    upstream.answer(IPCA, answers.sgs_months(2025, 9, *["1.00"] * 12))
    scrapers = [BCBScraper(settings, clock) for _ in range(20)]
    found = await asyncio.gather(
        *(data_of(scraper, name) for scraper, name in zip(scrapers, ["SELIC", "IPCA"] * 10, strict=True))
    )
    assert {data["value"] for data in found} == {13.75, 1.0}
    assert (upstream.asked(SELIC), upstream.asked(IPCA)) == (1, 1)


async def test_a_series_is_asked_for_again_after_a_minute(
    upstream: Upstream, bcb: BCBScraper, clock: ManualClock
) -> None:
    upstream.answer(SELIC, answers.sgs_days(MONDAY, "13.75"))
    await data_of(bcb, "SELIC")
    upstream.answer(SELIC, answers.sgs_days(MONDAY, "13.50"))
    assert (await data_of(bcb, "SELIC"))["value"] == 13.75
    clock.advance(timedelta(seconds=61))
    assert (await data_of(bcb, "SELIC"))["value"] == 13.5


async def test_the_failure_of_sgs_is_told_when_ptax_does_not_help(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(DOLLAR, status=502)
    assert "HTTP 502" in str(await failure_of(bcb, "USD"))
    upstream.answer(bcb_ptax.DOLLAR_PATH, answers.ptax())
    assert "HTTP 502" in str(await failure_of(bcb, "USD"))
