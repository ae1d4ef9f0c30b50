"""What scrapers may read of stored results: the newest of each scraper, and what all of them cost."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
import redis.asyncio as redis_async
from tests.running_jobs import a_spec, claim, fail, run_one

from pregao.domain.errors import StoreUnavailable
from pregao.queue.commands import QueueCommands
from pregao.scrapers.stored import StoredResult
from pregao.store.pool import open_pool
from pregao.store.recorder import Recorder
from pregao.store.results import Results

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def results(pool: asyncpg.Pool) -> Results:
    return Results(pool)


class Store:
    """Runs jobs and records them."""

    def __init__(self, redis: redis_async.Redis, pool: asyncpg.Pool) -> None:
        self._commands = QueueCommands(redis)
        self._recorder = Recorder(redis, pool)

    async def good(self, scraper: str, data: object, ticker: str = "PETR4", **report: Any) -> None:
        await run_one(self._commands, a_spec(scraper_name=scraper, ticker=ticker), data, **report)
        await self._record()

    async def bad(self, scraper: str, **report: Any) -> None:
        spec = a_spec(scraper_name=scraper)
        await self._commands.enqueue([spec])
        await fail(self._commands, (await claim(self._commands, job_id=spec.id))[0], **report)
        await self._record()

    async def _record(self) -> None:
        while await self._recorder.step():
            pass


@pytest.fixture
def store(redis: redis_async.Redis, pool: asyncpg.Pool) -> Store:
    return Store(redis, pool)


async def latest(results: Results, *arguments: str, **options: Any) -> list[StoredResult]:
    wanted = {"since": LONG_AGO, "limit": 10, "largest_bytes": 10_000, **options}
    return await results.latest(arguments or ("PETR4",), **wanted)


async def test_the_newest_good_result_of_each_scraper_comes_newest_first(store: Store, results: Results) -> None:
    await store.good("B3", {"price": 1}, source="B3 S.A.")
    await store.good("Fundamentus", {"pl": 5.1}, source="Fundamentus")
    await store.good("b3", {"price": 2}, source="B3 S.A.")
    await store.bad("B3", source="B3 S.A.")
    await store.good("B3", {"price": 9}, ticker="VALE3", source="B3 S.A.")
    found = await latest(results)
    assert [(result.scraper, result.data) for result in found] == [("b3", {"price": 2}), ("Fundamentus", {"pl": 5.1})]
    assert all(result.executed_at.tzinfo is not None for result in found)


async def test_results_that_cost_something_are_no_observations(store: Store, results: Results) -> None:
    await store.good("ChatGPT", {"answer": "Compre"}, source="OpenAI", metadata={"cost_usd": 0.1})
    await store.good("Gemini", {"answer": "Venda"}, source="Google", metadata={"cost_usd": None})
    assert await latest(results) == []


async def test_any_of_several_spellings_is_found(store: Store, results: Results) -> None:
    await store.good("B3", {"price": 1}, ticker="petr4")
    assert [result.data for result in await latest(results, "PETR4", "petr4")] == [{"price": 1}]
    assert await latest(results, "PETR4") == []


async def test_old_results_are_left_out(store: Store, results: Results) -> None:
    await store.good("B3", {"price": 1})
    assert await latest(results, since=datetime.now(UTC) + timedelta(days=1)) == []


async def test_no_more_results_are_read_than_asked_for(store: Store, results: Results) -> None:
    for number in range(4):
        await store.good(f"Scraper {number}", {"n": number})
    assert [result.data for result in await latest(results, limit=2)] == [{"n": 3}, {"n": 2}]


async def test_large_data_stays_in_the_database(store: Store, results: Results) -> None:
    await store.good("News", {"items": ["x" * 100] * 100})
    assert [result.data for result in await latest(results, largest_bytes=5_000)] == [None]


async def test_what_results_cost_is_added_up_whether_they_are_good_or_not(store: Store, results: Results) -> None:
    await store.good("ChatGPT", {"answer": "x"}, metadata={"cost_usd": 0.25})
    await store.bad("Gemini", metadata={"cost_usd": 0.0001})
    await store.good("Gemini", {"answer": "x"}, metadata={"cost_usd": None})
    await store.good("Odd", {"answer": "x"}, metadata={"cost_usd": "a lot"})
    await store.good("B3", {"price": 1})
    assert await results.spent_usd(LONG_AGO) == Decimal("0.2501")


async def test_what_was_spent_before_does_not_count(store: Store, results: Results) -> None:
    await store.good("ChatGPT", {"answer": "x"}, metadata={"cost_usd": 0.25})
    assert await results.spent_usd(datetime.now(UTC) + timedelta(hours=1)) == 0


async def test_nothing_was_spent_on_an_empty_database(results: Results) -> None:
    assert await results.spent_usd(LONG_AGO) == 0


async def test_a_database_that_is_down_is_unavailable() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        pool = await open_pool(f"postgresql://x@127.0.0.1:{reserved.getsockname()[1]}/x")
        try:
            with pytest.raises(StoreUnavailable):
                await Results(pool).spent_usd(LONG_AGO)
            with pytest.raises(StoreUnavailable):
                await latest(Results(pool))
        finally:
            await pool.close()
