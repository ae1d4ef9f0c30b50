"""Google News, Valor and Bloomberg against a recorded upstream, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.samples import feeds
from tests.scraping import failure_of, result_of
from tests.upstream import Upstream

from pregao.domain.clock import ManualClock
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import ScraperResult
from pregao.scrapers.builtin.bloomberg import BloombergScraper
from pregao.scrapers.builtin.googlenews import GoogleNewsScraper
from pregao.scrapers.builtin.valor import ValorScraper
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.http import aclose_clients
from pregao.settings import Settings

NOON = datetime(2026, 10, 5, 15, tzinfo=UTC)
SEARCH = "/rss/search"
BUSINESS = "/rss/headlines/section/topic/BUSINESS"
VALOR = "/rss/valor/"
LINEA = "/arc/outboundfeeds/rss/"
LINEA_MARKETS = "/arc/outboundfeeds/rss/category/mercados/"
MARKETS = "/markets/news.rss"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def settings(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Settings]:
    environ = {f"PREGAO_UPSTREAM_{name}": upstream.url for name in ("GOOGLENEWS", "VALOR", "BLOOMBERG")}
    yield Settings.load(None, environ=environ, pregao_home=tmp_path)
    await aclose_clients()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def google(settings: Settings, clock: ManualClock) -> GoogleNewsScraper:
    return GoogleNewsScraper(settings, clock)


@pytest.fixture
def valor(settings: Settings, clock: ManualClock) -> ValorScraper:
    return ValorScraper(settings, clock)


@pytest.fixture
def bloomberg(settings: Settings, clock: ManualClock) -> BloombergScraper:
    return BloombergScraper(settings, clock)


def titles(result: ScraperResult) -> list[str]:
    return [item["title"] for item in result.data["items"]]


# --- Google News


async def test_google_is_asked_for_the_company_in_its_brazilian_edition(
    upstream: Upstream, google: GoogleNewsScraper
) -> None:
    upstream.answer(SEARCH, feeds.google_news(("Lucro sobe", "InfoMoney", NOON)))
    result = await result_of(google, "petr4")
    assert upstream.requests[0].query == {
        "q": "PETR4 OR Petrobras",
        "hl": "pt-BR",
        "gl": "BR",
        "ceid": "BR:pt-419",
    }
    assert titles(result) == ["Lucro sobe"]
    assert result.data["query"] == "PETR4 OR Petrobras"
    assert result.data["url"].startswith(f"{upstream.url}{SEARCH}?q=PETR4")
    assert result.data["as_of"] == "2026-10-05T12:00:00.000-03:00"


async def test_google_s_business_section_is_what_no_argument_means(
    upstream: Upstream, google: GoogleNewsScraper
) -> None:
    upstream.answer(BUSINESS, feeds.google_news(("Bolsa cai", "Exame", NOON)))
    data = (await result_of(google, None)).data
    assert (data["section"], data["query"], data["count"]) == ("business", None, 1)


async def test_a_search_that_finds_nothing_is_a_success(upstream: Upstream, google: GoogleNewsScraper) -> None:
    upstream.answer(SEARCH, feeds.google_news())
    result = await result_of(google, "xyzzy")
    assert (result.data["count"], result.data["items"], result.data["as_of"]) == (0, [], None)
    assert result.metadata["remark"] == "the source found nothing"


async def test_an_empty_business_section_is_invalid(upstream: Upstream, google: GoogleNewsScraper) -> None:
    upstream.answer(BUSINESS, feeds.google_news())
    assert (await failure_of(google, None)).failure_class is FailureClass.VALIDATION


async def test_google_s_consent_page_is_a_block_also_behind_a_redirect(
    upstream: Upstream, google: GoogleNewsScraper
) -> None:
    upstream.answer(SEARCH, status=302, headers={"Location": "/consent"})
    upstream.answer("/consent", feeds.CONSENT_PAGE, headers={"Content-Type": "text/html"})
    error = await failure_of(google, "PETR4")
    assert error.failure_class is FailureClass.BLOCKED
    assert error.retryable


async def test_google_s_check_for_robots_is_a_block_whatever_its_status(
    upstream: Upstream, google: GoogleNewsScraper
) -> None:
    upstream.answer(SEARCH, feeds.SORRY_PAGE, 503)
    assert (await failure_of(google, "PETR4")).failure_class is FailureClass.BLOCKED


@pytest.mark.parametrize(
    ("body", "status", "failure_class"),
    [
        (b"", 503, FailureClass.NETWORK),
        (b"", 200, FailureClass.NETWORK),
        (b"{}", 200, FailureClass.VALIDATION),
        (feeds.feed(feeds.item())[:-30], 200, FailureClass.VALIDATION),
        (b"", 404, FailureClass.PERMANENT),
    ],
)
async def test_what_is_no_feed_fails_with_a_class(
    upstream: Upstream, google: GoogleNewsScraper, body: bytes, status: int, failure_class: FailureClass
) -> None:
    upstream.answer(SEARCH, body, status)
    assert (await failure_of(google, "PETR4")).failure_class is failure_class


# --- Valor


LUCRO = feeds.valor_item("Lucro da Petrobras sobe", "Linha fina", "O texto")
JUROS = feeds.valor_item("Juros caem", "Copom surpreende", feeds.NOTICE, "Wed, 30 Sep 2026 10:00:00 -0300")


@pytest.mark.parametrize(
    ("argument", "path", "section"),
    [
        (None, VALOR, None),
        ("", VALOR, None),
        ("Finanças", f"{VALOR}financas/", "financas"),
        ("EMPRESAS", f"{VALOR}empresas/", "empresas"),
        ("brasil", f"{VALOR}brasil/", "brasil"),
    ],
)
async def test_a_section_of_valor_is_its_feed(
    upstream: Upstream, valor: ValorScraper, argument: str | None, path: str, section: str | None
) -> None:
    upstream.answer(path, feeds.valor(LUCRO, JUROS))
    result = await result_of(valor, argument)
    assert titles(result) == ["Juros caem", "Lucro da Petrobras sobe"]
    assert (result.data["section"], result.data["url"]) == (section, upstream.url + path)
    assert result.data["as_of"] == "2026-09-30T10:00:00.000-03:00"
    assert result.data["items"][0]["paywalled"] is True


async def test_a_ticker_means_what_valor_says_about_its_company(upstream: Upstream, valor: ValorScraper) -> None:
    upstream.answer(VALOR, feeds.valor(LUCRO, JUROS))
    result = await result_of(valor, "PETR4")
    assert titles(result) == ["Lucro da Petrobras sobe"]
    assert (result.data["query"], result.data["matched"], result.metadata["feed_items"]) == ("PETR4", 1, 2)


async def test_words_mean_the_news_that_contain_them(upstream: Upstream, valor: ValorScraper) -> None:
    upstream.answer(VALOR, feeds.valor(LUCRO, JUROS))
    assert titles(await result_of(valor, "copom juros")) == ["Juros caem"]


async def test_a_company_that_is_not_in_the_news_is_a_success_without_items(
    upstream: Upstream, valor: ValorScraper
) -> None:
    upstream.answer(VALOR, feeds.valor(LUCRO, JUROS))
    result = await result_of(valor, "WEGE3")
    assert (result.data["count"], result.data["as_of"]) == (0, "2026-09-30T10:00:00.000-03:00")
    assert result.metadata["remark"] == "none of the 2 items mentions WEGE3, WEG"


async def test_an_empty_feed_of_valor_is_invalid(upstream: Upstream, valor: ValorScraper) -> None:
    upstream.answer(VALOR, feeds.valor())
    error = await failure_of(valor, "PETR4")
    assert error.failure_class is FailureClass.VALIDATION
    assert "is empty" in str(error)


async def test_jobs_that_need_the_same_feed_at_the_same_time_download_it_once(
    upstream: Upstream, settings: Settings, clock: ManualClock
) -> None:
    upstream.answer(VALOR, feeds.valor(LUCRO, JUROS))
    tickers = ["PETR4", "VALE3", "ITUB4", "BBDC4"]
    results = await asyncio.gather(*(result_of(ValorScraper(settings, clock), ticker) for ticker in tickers))
    assert [result.data["count"] for result in results] == [1, 0, 0, 0]
    assert upstream.asked(VALOR) == 1


async def test_a_feed_is_asked_for_again_after_a_minute(
    upstream: Upstream, valor: ValorScraper, clock: ManualClock
) -> None:
    upstream.answer(VALOR, feeds.valor(LUCRO))
    await result_of(valor, None)
    upstream.answer(VALOR, feeds.valor(LUCRO, JUROS))
    clock.advance(timedelta(seconds=61))
    assert (await result_of(valor, None)).data["count"] == 2


async def test_a_path_in_the_replacement_comes_before_the_source_s_own(
    upstream: Upstream, clock: ManualClock, tmp_path: Path
) -> None:
    elsewhere = Settings.load(None, environ={"PREGAO_UPSTREAM_VALOR": f"{upstream.url}/valor"}, pregao_home=tmp_path)
    upstream.answer("/valor/rss/valor/", feeds.valor(LUCRO))
    assert (await result_of(ValorScraper(elsewhere, clock), None)).data["count"] == 1
    await aclose_clients()


# --- Bloomberg


LINEA_FEED = feeds.linea(("Bolsa sobe", "A Vale liderou.", NOON), ("Dólar cai", "Nada mais.", NOON))
MARKETS_FEED = feeds.feed(feeds.item("Oil Fluctuates"), title="Bloomberg Markets", extra="<language>en</language>")


async def test_bloomberg_is_the_brazilian_feed_of_linea(upstream: Upstream, bloomberg: BloombergScraper) -> None:
    upstream.answer(LINEA, LINEA_FEED)
    data = (await result_of(bloomberg, None)).data
    assert upstream.requests[0].query == {"outputType": "xml"}
    assert (data["feed"], data["language"], data["count"]) == ("Bloomberg Línea Brasil", "pt", 2)
    assert data["items"][0]["author"] == "Ana Sample"


async def test_mercados_is_a_section_of_linea(upstream: Upstream, bloomberg: BloombergScraper) -> None:
    upstream.answer(LINEA_MARKETS, LINEA_FEED)
    assert (await result_of(bloomberg, "Mercados")).data["section"] == "mercados"


async def test_a_ticker_is_looked_for_in_the_whole_text(upstream: Upstream, bloomberg: BloombergScraper) -> None:
    upstream.answer(LINEA, LINEA_FEED)
    assert titles(await result_of(bloomberg, "VALE3")) == ["Bolsa sobe"]


@pytest.mark.parametrize("status", [404, 503])
async def test_bloomberg_s_own_feed_stands_in_for_linea_and_says_so(
    upstream: Upstream, bloomberg: BloombergScraper, status: int
) -> None:
    upstream.answer(LINEA, status=status)
    upstream.answer(MARKETS, MARKETS_FEED)
    result = await result_of(bloomberg, None)
    assert (result.data["language"], result.data["url"]) == ("en", upstream.url + MARKETS)
    assert f"HTTP {status}" in result.metadata["because"]


async def test_an_empty_feed_of_linea_counts_as_a_failure(upstream: Upstream, bloomberg: BloombergScraper) -> None:
    upstream.answer(LINEA, feeds.linea())
    upstream.answer(MARKETS, MARKETS_FEED)
    assert (await result_of(bloomberg, None)).data["feed"] == "Bloomberg Markets"


async def test_when_neither_feed_answers_the_failure_is_linea_s(
    upstream: Upstream, bloomberg: BloombergScraper
) -> None:
    upstream.answer(LINEA, status=429, headers={"Retry-After": "7"})
    error = await failure_of(bloomberg, None)
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 7
    assert [request.path for request in upstream.requests] == [LINEA, MARKETS]


async def test_when_both_feeds_are_gone_there_is_no_use_in_trying_again(
    upstream: Upstream, bloomberg: BloombergScraper
) -> None:
    error = await failure_of(bloomberg, "PETR4")
    assert (error.failure_class, error.retryable) == (FailureClass.PERMANENT, False)


async def test_world_news_without_the_company_do_not_hide_that_linea_failed(
    upstream: Upstream, bloomberg: BloombergScraper
) -> None:
    upstream.answer(LINEA, status=503)
    upstream.answer(MARKETS, MARKETS_FEED)
    error = await failure_of(bloomberg, "PETR4")
    assert error.failure_class is FailureClass.NETWORK
    assert "HTTP 503" in str(error)
