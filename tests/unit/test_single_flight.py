"""Work that several jobs need at once is done once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from pregao.domain.clock import ManualClock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.single_flight import Shared

LIFETIME_SECONDS = 60.0


class Source:
    """Counts what is fetched; each fetch waits until the test lets it go."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self.error: Exception | None = None

    def of(self, key: str) -> Callable[[], Awaitable[str]]:
        async def fetch() -> str:
            self.fetched.append(key)
            self.begun.set()
            await self.let_go.wait()
            if self.error is not None:
                raise self.error
            return f"{key} {len(self.fetched)}"

        return fetch


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 10, 5, 15, tzinfo=UTC))


@pytest.fixture
def shared(clock: ManualClock) -> Shared[str, str]:
    return Shared(clock, LIFETIME_SECONDS, capacity=2)


@pytest.fixture
async def source() -> Source:
    return Source()


async def gather(shared: Shared[str, str], source: Source, *keys: str) -> list[str | BaseException]:
    """Ask for all keys at once; the source is let go when every one of them has asked."""
    asks = [asyncio.ensure_future(shared.get(key, source.of(key))) for key in keys]
    await source.begun.wait()
    source.let_go.set()
    return await asyncio.gather(*asks, return_exceptions=True)


async def test_those_who_ask_at_once_get_the_same_value(shared: Shared[str, str], source: Source) -> None:
    assert await gather(shared, source, *["a"] * 10) == ["a 1"] * 10
    assert source.fetched == ["a"]


async def test_different_keys_do_not_wait_for_each_other(shared: Shared[str, str], source: Source) -> None:
    assert len(set(await gather(shared, source, "a", "b", "a"))) == 2
    assert source.fetched == ["a", "b"]


async def test_a_value_is_believed_for_its_lifetime(
    shared: Shared[str, str], source: Source, clock: ManualClock
) -> None:
    source.let_go.set()
    assert await shared.get("a", source.of("a")) == "a 1"
    clock.advance(timedelta(seconds=LIFETIME_SECONDS))
    assert await shared.get("a", source.of("a")) == "a 1"
    clock.advance(timedelta(seconds=1))
    assert await shared.get("a", source.of("a")) == "a 2"


async def test_no_more_is_kept_than_allowed_and_the_last_used_stay(shared: Shared[str, str], source: Source) -> None:
    source.let_go.set()
    for key in ("a", "b", "a", "c", "a", "b"):
        await shared.get(key, source.of(key))
    assert source.fetched == ["a", "b", "c", "b"]


async def test_a_failure_is_shared_by_those_who_waited_and_by_nobody_else(
    shared: Shared[str, str], source: Source
) -> None:
    source.error = RateLimited("slow down", 7.0)
    errors = await gather(shared, source, *["a"] * 5)
    assert source.fetched == ["a"]
    assert len({id(error) for error in errors}) == 5
    for error in errors:
        assert isinstance(error, RateLimited)
        assert (str(error), error.retry_after_seconds, error.retryable) == ("slow down", 7.0, True)
    source.error = None
    assert await shared.get("a", source.of("a")) == "a 2"


async def test_a_failure_keeps_its_own_retry_policy(shared: Shared[str, str], source: Source) -> None:
    source.error = ScrapeError("half a file", FailureClass.VALIDATION, retryable=True)
    first, second = await gather(shared, source, "a", "a")
    assert isinstance(first, ScrapeError)
    assert isinstance(second, ScrapeError)
    assert (second.failure_class, second.retryable) == (FailureClass.VALIDATION, True)


async def test_an_error_that_is_a_bug_is_not_shared(shared: Shared[str, str], source: Source) -> None:
    source.error = TypeError("a bug")
    assert [type(error) for error in await gather(shared, source, "a", "a")] == [TypeError, TypeError]
    assert source.fetched == ["a", "a"]


async def test_one_that_is_cancelled_leaves_the_work_to_the_next(shared: Shared[str, str], source: Source) -> None:
    first = asyncio.ensure_future(shared.get("a", source.of("a")))
    await source.begun.wait()
    second = asyncio.ensure_future(shared.get("a", source.of("a")))
    await asyncio.sleep(0)
    first.cancel()
    source.let_go.set()
    assert await second == "a 2"
    assert first.cancelled()
