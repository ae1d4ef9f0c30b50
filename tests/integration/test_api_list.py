"""The list: what Redis knows laid over what PostgreSQL remembers, with filters, order and totals of now."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.api_service import ApiService, api_service

from pregao.settings import Settings


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[ApiService]:
    async with api_service(settings) as service:
        yield service


async def one_of_each(api: ApiService, *, recorded: bool) -> dict[str, str]:
    """A job in every state: state → id. With `recorded`, PostgreSQL saw them all as pending before they moved."""
    ids = {
        state: (await api.create(ticker=state))["id"]
        for state in ("pending", "running", "retry", "completed", "failed", "cancelled")
    }
    if recorded:
        await api.record()
    await api.run(ids["running"])
    await api.fail_for_now(ids["retry"], delay_ms=60_000)
    await api.complete(ids["completed"], {"price": 1})
    await api.fail(ids["failed"])
    await api.commands.cancel(ids["cancelled"])
    return ids


async def test_an_empty_list_has_the_contract_s_shape(api: ApiService) -> None:
    assert await api.get("/list") == {"jobs": [], "total": 0, "page": 1, "page_size": 50}


async def test_a_job_is_listed_at_once_after_its_201(api: ApiService) -> None:
    job = await api.create()
    page = await api.get("/list")
    assert (page["jobs"], page["total"]) == ([job], 1)


async def test_a_recorded_job_is_listed_once_and_as_it_was_created(api: ApiService) -> None:
    job = await api.create(metadata={"a": 1}, timeout_seconds=3)
    await api.record()
    assert await api.get("/list") == {"jobs": [job], "total": 1, "page": 1, "page_size": 50}


@pytest.mark.parametrize("moment", ["before any is recorded", "with rows that are behind", "after all is recorded"])
async def test_every_status_filter_finds_exactly_the_jobs_that_are_in_it_now(api: ApiService, moment: str) -> None:
    ids = await one_of_each(api, recorded=moment == "with rows that are behind")
    if moment == "after all is recorded":
        await api.record()
    for state, job_id in ids.items():
        page = await api.get("/list", status=state)
        assert [job["id"] for job in page["jobs"]] == [job_id], state
        assert page["total"] == 1
        assert page["jobs"][0]["status"] == state
    everything = await api.get("/list")
    assert {job["status"]: job["id"] for job in everything["jobs"]} == ids
    assert everything["total"] == len(ids)


async def test_a_job_whose_retry_came_due_is_pending_though_recorded_as_waiting(api: ApiService) -> None:
    job = await api.create()
    await api.fail_for_now(job["id"], delay_ms=60_000)
    await api.record()
    await api.commands.make_due(job["id"])
    assert await api.listed(status="pending") == [job["id"]]
    assert await api.listed(status="retry") == []


async def test_a_finished_job_is_listed_after_redis_forgot_it(api: ApiService) -> None:
    job = await api.create()
    await api.complete(job["id"], {"price": 1})
    await api.record()
    await api.redis.flushdb()
    page = await api.get("/list", status="completed")
    assert [(job["id"], job["result"]) for job in page["jobs"]] == [(job["id"], {"price": 1})]


async def test_pages_cover_live_and_recorded_jobs_newest_first_without_gap_or_repeat(api: ApiService) -> None:
    created = []
    for number in range(12):
        created.append((await api.create(ticker=str(number)))["id"])
        if number == 7:
            await api.record()
    for moved in (1, 4, 6):
        await api.run(created[moved])
    pages = [await api.get("/list", page=number, page_size=5) for number in (1, 2, 3, 4)]
    assert [job["id"] for page in pages for job in page["jobs"]] == created[::-1]
    assert [len(page["jobs"]) for page in pages] == [5, 5, 2, 0]
    assert {page["total"] for page in pages} == {12}


async def test_pages_of_a_status_cover_what_is_in_it_now(api: ApiService) -> None:
    created = [(await api.create(ticker=str(number)))["id"] for number in range(9)]
    await api.record()
    for moved in (0, 4, 8):
        await api.run(created[moved])
    waiting = [job_id for number, job_id in enumerate(created) if number not in (0, 4, 8)]
    pages = [await api.get("/list", status="pending", page=number, page_size=4) for number in (1, 2)]
    assert [job["id"] for page in pages for job in page["jobs"]] == waiting[::-1]
    assert {page["total"] for page in pages} == {6}


@pytest.mark.parametrize("seed", range(3))
async def test_all_pages_of_any_filter_together_are_the_jobs_that_match(api: ApiService, seed: int) -> None:
    chance = random.Random(seed)
    states: dict[str, str] = {}
    for number in range(40):
        job_id = (await api.create(ticker=str(number)))["id"]
        states[job_id] = "pending"
        if chance.random() < 0.1:
            await api.record()
        moved = chance.choice(list(states))
        if states[moved] == "pending" and chance.random() < 0.7:
            states[moved] = chance.choice(["running", "completed", "retry"])
            match states[moved]:
                case "running":
                    await api.run(moved)
                case "completed":
                    await api.complete(moved)
                case "retry":
                    await api.fail_for_now(moved, delay_ms=60_000)
    for status in (None, "pending", "running", "completed", "retry"):
        expected = [job_id for job_id, state in states.items() if status in (None, state)][::-1]
        query = {} if status is None else {"status": status}
        pages = [await api.get("/list", page=number, page_size=7, **query) for number in range(1, 8)]
        assert [job["id"] for page in pages for job in page["jobs"]] == expected, status
        assert {page["total"] for page in pages} == {len(expected)}


@pytest.mark.parametrize("recorded", [False, True])
async def test_filters_by_scraper_ticker_and_status_are_combined(api: ApiService, recorded: bool) -> None:
    wanted = await api.create("BCB", "SELIC")
    await api.create("BCB", "selic")
    await api.create("B3", "SELIC")
    other = await api.create("BCB", "SELIC")
    await api.complete(other["id"])
    if recorded:
        await api.record()
    assert await api.listed(scraper_name="BCB", ticker="SELIC", status="pending") == [wanted["id"]]
    assert len(await api.listed(ticker="selic")) == 1
    assert len(await api.listed(scraper_name="BCB")) == 3


async def test_a_scraper_filter_may_be_loose(api: ApiService) -> None:
    job = await api.create("BCB", "SELIC")
    assert await api.listed(scraper_name="bcb") == [job["id"]]
    await api.record()
    assert await api.listed(scraper_name="bcb") == [job["id"]]


async def test_an_unknown_scraper_has_no_jobs(api: ApiService) -> None:
    await api.create()
    assert await api.listed(scraper_name="Nobody") == []


async def test_a_large_result_is_left_out_of_the_list_and_marked(api: ApiService) -> None:
    job = await api.create()
    await api.complete(job["id"], {"page": [str(number) for number in range(20_000)]})
    [before] = (await api.get("/list"))["jobs"]
    await api.record()
    await api.redis.flushdb()
    [after] = (await api.get("/list"))["jobs"]
    assert (before["result"], before["result_omitted"]) == (after["result"], after["result_omitted"]) == (None, True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"page": 0}, "page"),
        ({"page": "x"}, "page"),
        ({"page": 90_000, "page_size": 100}, "page"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": 101}, "page_size"),
        ({"status": "done"}, "status"),
        ({"ticker": ""}, "ticker"),
        ({"ticker": "a\0b"}, "ticker"),
        ({"scraper": "B3"}, "scraper"),
    ],
)
async def test_a_bad_query_is_refused_with_its_field_and_a_fix(
    api: ApiService, query: dict[str, Any], field: str
) -> None:
    answer = await api.client.get("/api/jobs/list", params=query)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert error["fix"]


async def test_a_filter_with_a_wrong_name_is_refused_with_the_one_that_was_meant(api: ApiService) -> None:
    answer = await api.client.get("/api/jobs/list", params={"scraper_nme": "B3"})
    assert answer.json()["errors"][0]["fix"] == "did you mean scraper_name?"
