"""Our scrapers on the sample server, over real HTTP: at work, in the evening, on a weekend and on a holiday."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from asyncpg import Pool
from tests.sample_markets import (
    EVENING,
    HOLIDAY,
    IN_SESSION,
    MOMENTS,
    SATURDAY,
    clock_at,
    sample_server,
    settings_for,
)
from tests.scraping import data_of, failure_of

from pregao.domain.calendar import last_trading_moment
from pregao.domain.clock import SystemClock
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

SHARES = ["PETR4", "ITUB4", "TAEE11"]
OTHERS = ["HGLG11", "BOVA11", "AAPL34", "SNAG11"]
ARGUMENTS: dict[type[BaseScraper], list[str | None]] = {
    B3Scraper: [*SHARES, *OTHERS, "PETR", "vale3"],
    BCBScraper: ["SELIC", "IPCA", "IGPM", "USD", "EUR", "CDI", "SELIC_DAILY"],
    BloombergScraper: [None, "mercados", "PETR4"],
    CoinMarketCapScraper: ["BTC", "ethereum", "ADA"],
    FundamentusScraper: ["PETR4", "ITUB4", "HGLG11"],
    GoogleNewsScraper: [None, "VALE3", '"juros altos" OR Selic'],
    Investidor10Scraper: [*SHARES, *OTHERS],
    InvestingScraper: [None, "PETR4", "equities/petrobras-pn", "18750"],
    OpcoesScraper: ["PETR4", "PETR3", "BOVA11"],
    StatusInvestScraper: [*SHARES, *OTHERS],
    TradingViewScraper: [*SHARES, *OTHERS],
    ValorScraper: [None, "financas", "empresas", "ITUB4"],
}
UNKNOWN = [B3Scraper, FundamentusScraper, Investidor10Scraper, OpcoesScraper, StatusInvestScraper, TradingViewScraper]


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await aclose_clients()


async def collected(scraper: type[BaseScraper], argument: str | None, local: str, home: Path) -> dict[str, Any]:
    """What a scraper brings from the sample of a moment."""
    clock = clock_at(local)
    with sample_server(clock) as origin:
        data = await data_of(scraper(settings_for(origin, home), clock), argument)
        await aclose_clients()
    return data


@pytest.mark.parametrize("local", MOMENTS)
@pytest.mark.parametrize("scraper", ARGUMENTS, ids=lambda scraper: scraper.name)
async def test_every_scraper_gets_its_data_at_any_time(scraper: type[BaseScraper], local: str, tmp_path: Path) -> None:
    clock = clock_at(local)
    with sample_server(clock) as origin:
        settings = settings_for(origin, tmp_path)
        for argument in ARGUMENTS[scraper]:
            data = await data_of(scraper(settings, clock), argument)

            assert data["url"].startswith(origin)
            as_of = data["as_of"]
            assert as_of is None or as_of[:10] <= local[:10]
        await aclose_clients()


@pytest.mark.parametrize(
    ("local", "kind", "day"),
    [
        (IN_SESSION, "delayed_quote", None),
        (EVENING, "end_of_day", "2026-10-05"),
        ("2026-10-05T18:00:00", "end_of_day", "2026-10-02"),  # not published yet
        (SATURDAY, "end_of_day", "2026-10-02"),
        (HOLIDAY, "end_of_day", "2026-10-09"),
    ],
)
async def test_b3_respects_sessions_and_the_hour_of_publication(
    local: str, kind: str, day: str | None, tmp_path: Path
) -> None:
    data = await collected(B3Scraper, "PETR4", local, tmp_path)

    assert (data["kind"], data["date"]) == (kind, day)


@pytest.mark.parametrize(
    ("local", "kind"), [(IN_SESSION, "running"), (EVENING, "end_of_day"), (SATURDAY, "end_of_day")]
)
async def test_options_come_from_the_grid_while_a_session_is_open(local: str, kind: str, tmp_path: Path) -> None:
    data = await collected(OpcoesScraper, "PETR4", local, tmp_path)

    assert data["kind"] == kind
    assert data["series"] > 100
    assert abs(data["atm_strike"] - data["spot"]) <= 0.51


async def test_sources_agree_on_the_price_of_a_paper(tmp_path: Path) -> None:
    quote = await collected(B3Scraper, "PETR4", IN_SESSION, tmp_path)
    scan = await collected(TradingViewScraper, "PETR4", IN_SESSION, tmp_path)
    page = await collected(StatusInvestScraper, "PETR4", IN_SESSION, tmp_path)

    assert quote["price"] == scan["price"] == page["price"]
    assert quote["as_of"][:16] == scan["as_of"][:16]
    assert last_trading_moment(datetime.fromisoformat(quote["as_of"])) == datetime.fromisoformat(quote["as_of"])


async def test_ratios_follow_the_price_on_every_site(tmp_path: Path) -> None:
    pages = [
        await collected(scraper, "PETR4", EVENING, tmp_path)
        for scraper in (FundamentusScraper, Investidor10Scraper, StatusInvestScraper)
    ]

    assert len({page["price"] for page in pages}) == 1
    assert len({(page["pl"], page["pvp"], page["lpa"]) for page in pages}) == 1


@pytest.mark.parametrize("scraper", UNKNOWN, ids=lambda scraper: scraper.name)
@pytest.mark.parametrize("local", [IN_SESSION, EVENING])
async def test_a_ticker_that_does_not_exist_is_not_found(
    scraper: type[BaseScraper], local: str, tmp_path: Path
) -> None:
    clock = clock_at(local)
    with sample_server(clock) as origin:
        failure = await failure_of(scraper(settings_for(origin, tmp_path), clock), "VIIA3")
        await aclose_clients()

    assert failure.failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize(("scraper", "argument"), [(CoinMarketCapScraper, "NOCOIN"), (BCBScraper, "999")])
async def test_unknown_coins_and_series_are_not_found(
    scraper: type[BaseScraper], argument: str, tmp_path: Path
) -> None:
    clock = clock_at(IN_SESSION)
    with sample_server(clock) as origin:
        failure = await failure_of(scraper(settings_for(origin, tmp_path), clock), argument)
        await aclose_clients()

    assert failure.failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize("scraper", [ChatGPTScraper, GeminiScraper], ids=lambda scraper: scraper.name)
async def test_models_answer_about_the_ticker_in_the_prompt_and_say_that_it_is_a_sample(
    scraper: Any, pool: Pool, tmp_path: Path
) -> None:
    with sample_server(clock_at(IN_SESSION)) as origin:
        settings = settings_for(origin, tmp_path)
        data = await data_of(scraper(settings, SystemClock(), stored=Results(pool)), "VALE3")
        await aclose_clients()

    assert data["answer"].startswith("SAMPLE DATA")
    assert "VALE3" in data["answer"]
    assert data["cost_usd"] > 0


async def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    clock = clock_at(IN_SESSION)
    bodies = []
    for _ in range(2):
        with sample_server(clock) as origin:
            async with httpx.AsyncClient() as client:
                paths = ("/statusinvest/acoes/petr4", "/valor/rss/valor/", "/coinmarketcap/api/v3/coins/markets")
                bodies.append([(await client.get(origin + path)).content for path in paths])

    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    "path", ["/", "/nobody/at/home", "/b3/nothing", "/statusinvest", "/b3/InstDados/SerHist/COTAHIST_D99999999.ZIP"]
)
async def test_an_address_that_is_not_there_is_404(path: str) -> None:
    with sample_server(clock_at(IN_SESSION)) as origin:
        async with httpx.AsyncClient() as client:
            assert (await client.get(origin + path)).status_code == 404


async def test_answers_are_marked_and_compressed() -> None:
    with sample_server(clock_at(IN_SESSION)) as origin:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{origin}/valor/rss/valor/")

    assert answer.headers["x-sample-data"] == "true"
    assert answer.headers["content-encoding"] == "gzip"
