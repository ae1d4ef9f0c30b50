"""Option chains against a recorded upstream, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.samples import answers, cotahist, option_grids
from tests.scraping import at, data_of, failure_of, pointed_to, result_of
from tests.upstream import Answer, Request, Upstream

from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.b3 import B3Scraper
from pregao.scrapers.builtin.opcoes import MAX_EXPIRIES, OpcoesScraper
from pregao.scrapers.http import aclose_clients
from pregao.settings import Settings

MONDAY = date(2026, 10, 5)
FRIDAY = date(2026, 10, 2)
GRID = "/listaopcoes/completa"
EVENING, NOON = "2026-10-05T18:30:00", "2026-10-05T12:15:00"


def file_of(day: date) -> str:
    return f"/InstDados/SerHist/COTAHIST_D{day:%d%m%Y}.ZIP"


def archive(day: date) -> bytes:
    values = {"market": "070", "bdi": "78", "term": "000", "expiry": "20261119", "name": "SMPLE"}
    return cotahist.archive(
        day,
        cotahist.record("SMPL4", day),
        cotahist.record("SMPLK300", day, strike=3000, close=150, **values),  # type: ignore[arg-type]
    )


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def settings(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Settings]:
    yield pointed_to(upstream, tmp_path, "B3", "OPCOES")
    await aclose_clients()


def offer(upstream: Upstream, *days: str, broken: str | None = None) -> None:
    """Serve a grid with one call for each expiry; that of the expiry `broken` is in trouble."""

    def answer(request: Request) -> Answer:
        if request.query["listarVencimentos"] == "true":
            return Answer(body=option_grids.expiries(*days))
        expiry = request.query["vencimentos"]
        if expiry == broken:
            return Answer(502)
        row = option_grids.row(f"SMPLK3{days.index(expiry)}", strike=30.0 + days.index(expiry))
        return Answer(body=option_grids.grid(row))

    upstream.react(GRID, answer)


async def test_after_the_close_the_chain_is_the_official_one(upstream: Upstream, settings: Settings) -> None:
    upstream.answer(file_of(MONDAY), archive(MONDAY))
    offer(upstream, "2026-11-19")
    data = await data_of(OpcoesScraper(settings, at(EVENING)), " smpl4 ")
    assert (data["underlying"], data["kind"], data["date"], data["spot"]) == ("SMPL4", "end_of_day", "2026-10-05", 30.1)
    assert (data["calls"], data["puts"], data["atm_call"]) == (1, 0, "SMPLK300")
    assert (data["as_of"], data["url"]) == ("2026-10-05T17:00:00.000-03:00", upstream.url + file_of(MONDAY))
    assert upstream.asked(GRID) == 0


async def test_prices_and_chains_come_from_one_download(upstream: Upstream, settings: Settings) -> None:
    upstream.answer(file_of(MONDAY), archive(MONDAY))
    clock = at(EVENING)
    scrapers = [OpcoesScraper(settings, clock), B3Scraper(settings, clock)] * 5
    results = await asyncio.gather(*(data_of(scraper, "SMPL4") for scraper in scrapers))
    assert {data["date"] for data in results} == {"2026-10-05"}
    assert upstream.asked(file_of(MONDAY)) == 1


async def test_in_a_session_the_chain_is_the_running_one(upstream: Upstream, settings: Settings) -> None:
    offer(upstream, "2026-10-02", "2026-11-19", "2026-12-17")
    data = await data_of(OpcoesScraper(settings, at(NOON)), "SMPL4")
    assert (data["kind"], data["series"], data["spot"], data["next_expiry"]) == ("running", 2, 30.0, "2026-11-19")
    assert data["as_of"] == "2026-10-05T12:00:00.000-03:00"
    assert data["call_volume_brl"] == 3000.0
    asked = [request.query.get("vencimentos") for request in upstream.requests]
    assert asked == [None, "2026-11-19", "2026-12-17"]
    assert upstream.requests[0].headers["x-requested-with"] == "XMLHttpRequest"
    assert "Mozilla" in upstream.requests[0].headers["user-agent"]


async def test_no_more_expiries_are_asked_for_than_allowed(upstream: Upstream, settings: Settings) -> None:
    offer(upstream, *(f"2026-11-{day}" for day in range(10, 20)))
    result = await result_of(OpcoesScraper(settings, at(NOON)), "SMPL4")
    assert len(result.data["expiries"]) == MAX_EXPIRIES
    assert result.metadata["expiries_left_out"] == 10 - MAX_EXPIRIES


async def test_a_grid_whose_series_traded_last_on_friday_is_for_fridays_close(
    upstream: Upstream, settings: Settings
) -> None:
    row = option_grids.row("SMPLK300", traded="02/10/2026")
    old = option_grids.row("SMPLK310", traded="28/09/2026")
    upstream.react(GRID, Answer(body=option_grids.expiries("2026-11-19")), Answer(body=option_grids.grid(row, old)))
    data = await data_of(OpcoesScraper(settings, at("2026-10-05T10:10:00")), "SMPL4")
    assert data["as_of"] == "2026-10-02T17:00:00.000-03:00"
    assert [(option["ticker"], option["volume_brl"]) for option in data["options"]] == [
        ("SMPLK300", 1500.0),
        ("SMPLK310", None),
    ]


@pytest.mark.parametrize(
    "trouble", [Answer(503), Answer(body=answers.PAGE), Answer(body=b"{}"), Answer(body=option_grids.expiries())]
)
async def test_whatever_is_wrong_with_the_grid_the_official_chain_stands_in(
    upstream: Upstream, settings: Settings, trouble: Answer
) -> None:
    upstream.react(GRID, trouble)
    upstream.answer(file_of(FRIDAY), archive(FRIDAY))
    result = await result_of(OpcoesScraper(settings, at(NOON)), "SMPL4")
    assert (result.data["kind"], result.data["date"]) == ("end_of_day", "2026-10-02")
    assert result.metadata["instead_of"] == "https://opcoes.net.br"
    assert result.metadata["because"]


async def test_one_expiry_in_trouble_is_no_whole_chain(upstream: Upstream, settings: Settings) -> None:
    offer(upstream, "2026-11-19", "2026-12-17", broken="2026-12-17")
    upstream.answer(file_of(FRIDAY), archive(FRIDAY))
    assert (await data_of(OpcoesScraper(settings, at(NOON)), "SMPL4"))["kind"] == "end_of_day"


async def test_the_grid_stands_in_while_the_official_file_cannot_be_had(upstream: Upstream, settings: Settings) -> None:
    upstream.answer(file_of(MONDAY), status=502)
    offer(upstream, "2026-11-19")
    result = await result_of(OpcoesScraper(settings, at(EVENING)), "SMPL4")
    assert (result.data["kind"], result.data["as_of"]) == ("running", "2026-10-05T17:00:00.000-03:00")
    assert result.metadata["instead_of"] == "https://bvmf.bmfbovespa.com.br"
    assert "HTTP 502" in result.metadata["because"]


async def test_a_paper_without_options_is_not_found(upstream: Upstream, settings: Settings) -> None:
    upstream.answer(file_of(MONDAY), archive(MONDAY))
    error = await failure_of(OpcoesScraper(settings, at(EVENING)), "OTHR3")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert upstream.asked(GRID) == 0


@pytest.mark.parametrize(
    ("argument", "failure_class"),
    [(None, FailureClass.PERMANENT), (" ", FailureClass.PERMANENT), ("../x", FailureClass.NOT_FOUND)],
)
async def test_what_cannot_be_a_ticker_is_refused_without_asking(
    upstream: Upstream, settings: Settings, argument: str | None, failure_class: FailureClass
) -> None:
    assert (await failure_of(OpcoesScraper(settings, at(EVENING)), argument)).failure_class is failure_class
    assert upstream.requests == []
