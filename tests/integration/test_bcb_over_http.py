"""BCB against a recorded upstream, over real HTTP."""

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
from pregao.scrapers.http import aclose_clients
from pregao.settings import Settings

MONDAY = date(2026, 10, 5)
FRIDAY = date(2026, 10, 2)
SELIC = "/dados/serie/bcdata.sgs.432/dados"
DOLLAR = "/dados/serie/bcdata.sgs.1/dados"
IPCA = "/dados/serie/bcdata.sgs.433/dados"


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
    upstream.answer(bcb_ptax.PATH, answers.ptax((FRIDAY, 5.2238), (MONDAY, 5.2)))
    result = await bcb.scrape("USD")
    assert (result.data["value"], result.data["date"], result.data["series"]) == (5.2, "2026-10-05", 1)
    assert "HTTP 502" in result.metadata["because"]
    assert upstream.requests[-1].query["@dataFinalCotacao"] == "'10-05-2026'"


async def test_the_failure_of_sgs_is_told_when_ptax_does_not_help(upstream: Upstream, bcb: BCBScraper) -> None:
    upstream.answer(DOLLAR, status=502)
    assert "HTTP 502" in str(await failure_of(bcb, "USD"))
    upstream.answer(bcb_ptax.PATH, answers.ptax())
    assert "HTTP 502" in str(await failure_of(bcb, "USD"))
