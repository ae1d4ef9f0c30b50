"""B3's own prices against a recorded upstream, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.samples import answers, cotahist
from tests.scraping import at, data_of, failure_of, pointed_to
from tests.upstream import Upstream

from pregao.domain.clock import MARKET_ZONE, ManualClock
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin import b3_files
from pregao.scrapers.builtin.b3 import B3Scraper
from pregao.scrapers.builtin.b3_cotahist import CotahistDay, read_archive
from pregao.scrapers.http import aclose_clients
from pregao.settings import Settings

MONDAY = date(2026, 10, 5)
FRIDAY = date(2026, 10, 2)
QUOTE = "/mds/api/v1/instrumentQuotation/SMPL4"
YAHOO = "/v8/finance/chart/SMPL4.SA"
SHARE_ON_MONDAY = cotahist.record("SMPL4", MONDAY, close=3010)
SHARE_ON_FRIDAY = cotahist.record("SMPL4", FRIDAY, close=2990)


def file_of(day: date) -> str:
    return f"/InstDados/SerHist/COTAHIST_D{day:%d%m%Y}.ZIP"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def settings(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Settings]:
    yield pointed_to(upstream, tmp_path, "B3")
    await aclose_clients()


@pytest.fixture
def clock() -> ManualClock:
    """Monday evening, after the close."""
    return at("2026-10-05T21:00:00")


@pytest.fixture
def b3(settings: Settings, clock: ManualClock) -> B3Scraper:
    return B3Scraper(settings, clock)


async def test_b3_gives_the_delayed_quote_while_the_session_is_open(upstream: Upstream, settings: Settings) -> None:
    upstream.answer(QUOTE, answers.quote("SMPL4", datetime(2026, 10, 5, 12, 37)))
    data = await data_of(B3Scraper(settings, at("2026-10-05T12:37:00")), "smpl4")
    assert (data["kind"], data["price"], data["as_of"]) == ("delayed_quote", 30.1, "2026-10-05T12:22:00.000-03:00")
    assert data["url"] == upstream.url + QUOTE


async def test_b3_gives_the_end_of_day_after_the_close(upstream: Upstream, b3: B3Scraper) -> None:
    upstream.answer(QUOTE, answers.quote("SMPL4", datetime(2026, 10, 5, 21)))
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    data = await data_of(b3, "SMPL4")
    assert (data["kind"], data["price"], data["date"]) == ("end_of_day", 30.1, "2026-10-05")
    assert data["as_of"] == "2026-10-05T17:00:00.000-03:00"
    assert data["url"] == upstream.url + file_of(MONDAY)
    assert upstream.asked(QUOTE) == 0


async def test_without_a_quotation_in_the_session_b3_gives_the_last_end_of_day(
    upstream: Upstream, settings: Settings
) -> None:
    upstream.answer(QUOTE, answers.NO_QUOTE)
    upstream.answer(file_of(FRIDAY), cotahist.archive(FRIDAY, SHARE_ON_FRIDAY))
    data = await data_of(B3Scraper(settings, at("2026-10-05T12:00:00")), "SMPL4")
    assert (data["kind"], data["price"], data["date"]) == ("end_of_day", 29.9, "2026-10-02")


async def test_a_file_that_is_not_published_yet_means_the_session_before(upstream: Upstream, b3: B3Scraper) -> None:
    upstream.answer(file_of(FRIDAY), cotahist.archive(FRIDAY, SHARE_ON_FRIDAY))
    assert (await data_of(b3, "SMPL4"))["date"] == "2026-10-02"
    assert [request.path for request in upstream.requests] == [file_of(MONDAY), file_of(FRIDAY)]


async def test_the_walk_back_skips_closed_days_and_ends(upstream: Upstream, settings: Settings) -> None:
    error = await failure_of(B3Scraper(settings, at("2026-10-13T21:00:00")), "SMPL4")
    assert error.retryable
    days = ["13102026", "09102026", "08102026", "07102026", "06102026", "05102026", "02102026"]
    files = [f"/InstDados/SerHist/COTAHIST_D{d}.ZIP" for d in days]
    assert [request.path for request in upstream.requests] == [*files, YAHOO]


async def test_an_unpublished_file_is_asked_for_again_later(
    upstream: Upstream, b3: B3Scraper, clock: ManualClock
) -> None:
    upstream.answer(file_of(FRIDAY), cotahist.archive(FRIDAY, SHARE_ON_FRIDAY))
    await data_of(b3, "SMPL4")
    await data_of(b3, "SMPL4")
    assert upstream.asked(file_of(MONDAY)) == 1
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    clock.advance(timedelta(minutes=11))
    assert (await data_of(b3, "SMPL4"))["date"] == "2026-10-05"


async def test_concurrent_jobs_wait_for_one_download(
    upstream: Upstream, settings: Settings, clock: ManualClock
) -> None:
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    scrapers = [B3Scraper(settings, clock) for _ in range(20)]
    results = await asyncio.gather(*(data_of(scraper, "SMPL4") for scraper in scrapers))
    assert {data["price"] for data in results} == {30.1}
    assert upstream.asked(file_of(MONDAY)) == 1


async def test_concurrent_jobs_share_a_failed_download_and_the_next_one_tries_again(
    upstream: Upstream, settings: Settings, clock: ManualClock
) -> None:
    upstream.answer(file_of(MONDAY), status=502)
    scrapers = [B3Scraper(settings, clock) for _ in range(20)]
    errors = await asyncio.gather(*(failure_of(scraper, "SMPL4") for scraper in scrapers))
    assert {error.failure_class for error in errors} == {FailureClass.NETWORK}
    assert upstream.asked(file_of(MONDAY)) == 1
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    assert (await data_of(scrapers[0], "SMPL4"))["price"] == 30.1


async def test_a_job_that_is_cancelled_while_it_downloads_leaves_the_way_free(
    upstream: Upstream, settings: Settings, clock: ManualClock
) -> None:
    upstream.hold(file_of(MONDAY))
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        stuck = group.create_task(data_of(B3Scraper(settings, clock), "SMPL4"))
        await asyncio.to_thread(upstream.wait_until_asked, file_of(MONDAY))
        next_one = group.create_task(data_of(B3Scraper(settings, clock), "SMPL4"))
        upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
        stuck.cancel()
        assert (await next_one)["price"] == 30.1


def kept(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def damage(home: Path) -> None:
    for path in home.rglob("*.ZIP"):
        path.write_bytes(path.read_bytes()[:50])


def read_in_a_loop_of_its_own(settings: Settings, clock: ManualClock) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        try:
            return await data_of(B3Scraper(settings, clock), "SMPL4")
        finally:
            await aclose_clients()

    return asyncio.run(read())


async def test_a_file_is_kept_on_disk_for_other_processes(
    upstream: Upstream, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    await asyncio.to_thread(read_in_a_loop_of_its_own, settings, clock)
    assert kept(tmp_path) == ["COTAHIST_D05102026.ZIP"]
    data = await asyncio.to_thread(read_in_a_loop_of_its_own, settings, clock)
    assert data["price"] == 30.1
    assert upstream.asked(file_of(MONDAY)) == 1


async def test_processes_that_download_at_the_same_moment_each_leave_a_whole_file(
    upstream: Upstream, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    reads = [asyncio.to_thread(read_in_a_loop_of_its_own, settings, clock) for _ in range(4)]
    assert [data["price"] for data in await asyncio.gather(*reads)] == [30.1] * 4
    assert kept(tmp_path) == ["COTAHIST_D05102026.ZIP"]


async def test_a_file_is_unpacked_and_indexed_beside_the_event_loop(
    upstream: Upstream, settings: Settings, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[bool] = []

    def watched(zipped: bytes) -> CotahistDay:
        beside.append(not runs_a_loop())
        return read_archive(zipped)

    monkeypatch.setattr(b3_files, "read_archive", watched)
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    await data_of(B3Scraper(settings, clock), "SMPL4")
    await asyncio.to_thread(read_in_a_loop_of_its_own, settings, clock)

    assert upstream.asked(file_of(MONDAY)) == 1
    assert beside == [True, True], "once when it was downloaded, once from the disk"


def runs_a_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def test_a_damaged_file_on_disk_is_downloaded_again(
    upstream: Upstream, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    await asyncio.to_thread(read_in_a_loop_of_its_own, settings, clock)
    damage(tmp_path)
    data = await asyncio.to_thread(read_in_a_loop_of_its_own, settings, clock)
    assert data["price"] == 30.1


@pytest.mark.parametrize(
    "content",
    [
        cotahist.archive(MONDAY, SHARE_ON_MONDAY)[:100],
        cotahist.archive(MONDAY, SHARE_ON_MONDAY, count=7000),
    ],
    ids=["cut", "rows missing"],
)
async def test_an_incomplete_file_is_a_failure_and_is_not_kept(
    upstream: Upstream, b3: B3Scraper, tmp_path: Path, content: bytes
) -> None:
    upstream.answer(file_of(MONDAY), content)
    error = await failure_of(b3, "SMPL4")
    assert error.failure_class is FailureClass.VALIDATION
    assert kept(tmp_path) == []


async def test_a_file_of_another_session_is_believed_for_a_while_under_its_own_date(
    upstream: Upstream, b3: B3Scraper, clock: ManualClock
) -> None:
    upstream.answer(file_of(MONDAY), cotahist.archive(FRIDAY, SHARE_ON_FRIDAY))
    assert (await data_of(b3, "SMPL4"))["as_of"].startswith("2026-10-02")
    await data_of(b3, "SMPL4")
    assert upstream.asked(file_of(MONDAY)) == 1
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    clock.advance(timedelta(minutes=16))
    data = await data_of(b3, "SMPL4")
    assert data["as_of"].startswith("2026-10-05")


async def test_files_of_different_upstreams_are_kept_apart(
    upstream: Upstream, b3: B3Scraper, clock: ManualClock, tmp_path: Path
) -> None:
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    await data_of(b3, "SMPL4")
    with Upstream() as other:
        other.answer(file_of(MONDAY), cotahist.archive(MONDAY, cotahist.record("SMPL4", MONDAY, close=999)))
        elsewhere = Settings.load(None, environ={"PREGAO_UPSTREAM_B3": other.url}, pregao_home=tmp_path)
        assert (await data_of(B3Scraper(elsewhere, clock), "SMPL4"))["price"] == 9.99
        await aclose_clients()


async def test_a_ticker_that_did_not_trade_is_not_found(upstream: Upstream, b3: B3Scraper) -> None:
    upstream.answer(file_of(MONDAY), cotahist.archive(MONDAY, SHARE_ON_MONDAY))
    error = await failure_of(b3, "NONE3")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert "NONE3 did not trade on 2026-10-05" in str(error)


@pytest.mark.parametrize("ticker", ["../etc", "PETR4 VALE3", "?a=b", "WAYTOOLONGTICKER", "ÇÇÇ3"])
async def test_what_cannot_be_a_ticker_is_not_found_without_asking(
    upstream: Upstream, b3: B3Scraper, ticker: str
) -> None:
    assert (await failure_of(b3, ticker)).failure_class is FailureClass.NOT_FOUND
    assert upstream.requests == []


async def test_no_more_files_are_kept_than_are_useful(upstream: Upstream, settings: Settings, tmp_path: Path) -> None:
    clock = at("2026-09-01T21:00:00")
    for _ in range(20):
        day = clock.now().astimezone(MARKET_ZONE).date()
        upstream.answer(file_of(day), cotahist.archive(day, cotahist.record("SMPL4", day)))
        await data_of(B3Scraper(settings, clock), "SMPL4")
        clock.advance(timedelta(days=1))
    assert len(kept(tmp_path)) == 10


async def test_a_quotation_from_the_future_is_no_success(upstream: Upstream, settings: Settings) -> None:
    upstream.answer(QUOTE, answers.quote("SMPL4", datetime(2150, 10, 5, 12)))
    error = await failure_of(B3Scraper(settings, at("2026-10-05T12:37:00")), "SMPL4")
    assert (error.failure_class, "future" in str(error)) == (FailureClass.VALIDATION, True)


async def test_a_file_of_a_later_session_is_no_success_and_is_not_kept(
    upstream: Upstream, b3: B3Scraper, tmp_path: Path
) -> None:
    later = date(2026, 10, 6)
    upstream.answer(file_of(MONDAY), cotahist.archive(later, cotahist.record("SMPL4", later)))
    error = await failure_of(b3, "SMPL4")
    assert (error.failure_class, kept(tmp_path)) == (FailureClass.VALIDATION, [])
