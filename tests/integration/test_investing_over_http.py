"""Investing.com against a recorded upstream, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.samples import block_pages, investing_answers
from tests.upstream import Upstream

from pregao.domain.clock import ManualClock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.investing import InvestingScraper
from pregao.scrapers.http import BROWSER_USER_AGENT, aclose_clients
from pregao.scrapers.registry import Registry
from pregao.settings import Settings

NOON = datetime(2026, 10, 5, 15, tzinfo=UTC)
MONDAY = date(2026, 10, 5)
FEED = "/investing/rss/news.rss"
NUMBER = "/investing/api/financialdata/historical/8849"
PAGE = "/investing/equities/petrobras-pn-historical-data"
HEADLINES = (
    ("Petrobras anuncia dividendos", NOON - timedelta(hours=2)),
    ("Itaú Unibanco sobe", NOON - timedelta(hours=1)),
    ("Dólar cai com exterior", NOON - timedelta(hours=3)),
)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def settings(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Settings]:
    environ = {"PREGAO_UPSTREAM_INVESTING": f"{upstream.url}/investing"}
    yield Settings.load(None, environ=environ, pregao_home=tmp_path)
    await aclose_clients()


@pytest.fixture
def investing(settings: Settings) -> InvestingScraper:
    return InvestingScraper(settings, ManualClock(NOON))


async def failure_of(scraper: InvestingScraper, argument: str | None) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        await scraper.scrape(argument)
    return caught.value


@pytest.mark.parametrize("loose", ["Investing", "Investing.com", "INVESTING", "investing com"])
def test_the_scraper_answers_to_the_names_that_schedules_use(loose: str, settings: Settings) -> None:
    assert Registry.load(settings).resolve(loose) == "Investing.com"


async def test_a_ticker_means_the_headlines_that_mention_its_company(
    upstream: Upstream, investing: InvestingScraper
) -> None:
    upstream.answer(FEED, investing_answers.feed(*HEADLINES))
    result = await investing.scrape("PETR4")
    assert (result.data["kind"], result.data["query"], result.data["matched"]) == ("news", "PETR4", 1)
    assert [item["title"] for item in result.data["items"]] == ["Petrobras anuncia dividendos"]
    assert result.data["items"][0]["published_at"] == "2026-10-05T10:00:00.000-03:00"
    assert result.data["as_of"] == "2026-10-05T10:00:00.000-03:00"
    assert result.data["url"] == upstream.url + FEED
    assert upstream.requests[0].headers["user-agent"] == BROWSER_USER_AGENT


async def test_a_ticker_that_no_headline_mentions_is_a_success_that_says_so(
    upstream: Upstream, investing: InvestingScraper
) -> None:
    upstream.answer(FEED, investing_answers.feed(*HEADLINES))
    result = await investing.scrape("WEGE3")
    assert (result.data["matched"], result.data["items"]) == (0, [])
    assert "none of the 3 items mentions WEGE3, WEG" in result.metadata["remark"]


async def test_without_an_argument_all_headlines_come_newest_first(
    upstream: Upstream, investing: InvestingScraper
) -> None:
    upstream.answer(FEED, investing_answers.feed(*HEADLINES))
    data = (await investing.scrape(None)).data
    assert [item["title"][:5] for item in data["items"]] == ["Itaú ", "Petro", "Dólar"]


async def test_jobs_of_one_schedule_share_one_download_of_the_feed(upstream: Upstream, settings: Settings) -> None:
    upstream.answer(FEED, investing_answers.feed(*HEADLINES))
    clock = ManualClock(NOON)
    await asyncio.gather(*(InvestingScraper(settings, clock).scrape(name) for name in ("PETR4", "VALE3", "ITUB4")))
    assert upstream.asked(FEED) == 1


async def test_a_feed_without_items_is_invalid(upstream: Upstream, investing: InvestingScraper) -> None:
    upstream.answer(FEED, investing_answers.feed())
    assert (await failure_of(investing, "PETR4")).failure_class is FailureClass.VALIDATION


async def test_a_number_means_the_daily_prices_of_that_instrument(
    upstream: Upstream, investing: InvestingScraper
) -> None:
    upstream.answer(NUMBER, investing_answers.history(*investing_answers.days(MONDAY, "30.41", "30.20")))
    data = (await investing.scrape("8849")).data
    assert (data["kind"], data["price"], data["date"], data["previous_close"]) == ("history", 30.41, "2026-10-05", 30.2)
    assert upstream.requests[0].query == {
        "start-date": "2026-08-06",
        "end-date": "2026-10-05",
        "time-frame": "Daily",
        "add-missing-rows": "false",
    }
    assert upstream.requests[0].headers["domain-id"] == "www"


async def test_a_page_s_name_means_the_daily_prices_that_it_shows(
    upstream: Upstream, investing: InvestingScraper
) -> None:
    upstream.answer(PAGE, investing_answers.page(*investing_answers.days(MONDAY, "30.41")))
    data = (await investing.scrape("Equities/petrobras-pn")).data
    assert (data["instrument"], data["price"], data["url"]) == ("equities/petrobras-pn", 30.41, upstream.url + PAGE)


async def test_rows_of_the_future_are_dropped_and_counted(upstream: Upstream, investing: InvestingScraper) -> None:
    rows = investing_answers.days(MONDAY + timedelta(days=1), "99.00", "30.41")
    upstream.answer(NUMBER, investing_answers.history(*rows))
    result = await investing.scrape("8849")
    assert (result.data["price"], result.data["date"]) == (30.41, "2026-10-05")
    assert result.metadata == {"rows": 2, "future_rows": 1}


@pytest.mark.parametrize("status", [200, 404, 410])
async def test_an_instrument_without_prices_is_not_found(
    upstream: Upstream, investing: InvestingScraper, status: int
) -> None:
    upstream.answer(NUMBER, b'{"data":[]}', status)
    assert (await failure_of(investing, "8849")).failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize(("argument", "path"), [("PETR4", FEED), ("8849", NUMBER), ("equities/petrobras-pn", PAGE)])
@pytest.mark.parametrize("status", [200, 403])
async def test_a_challenge_is_a_block_wherever_it_comes(
    upstream: Upstream, investing: InvestingScraper, argument: str, path: str, status: int
) -> None:
    upstream.answer(path, block_pages.CHECKING, status)
    error = await failure_of(investing, argument)
    assert error.failure_class is FailureClass.BLOCKED
    assert error.retryable


async def test_words_with_a_slash_are_words(upstream: Upstream, investing: InvestingScraper) -> None:
    upstream.answer(FEED, investing_answers.feed(*HEADLINES))
    assert (await investing.scrape("dólar/real")).data["kind"] == "news"
