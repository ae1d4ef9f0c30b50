"""A source that complained is asked more slowly, and then at full speed again."""

from __future__ import annotations

import pytest
import redis.asyncio as redis_asyncio
from tests.builders import spec

from pregao.queue.commands import QueueCommands
from pregao.queue.messages import Claim

LEASE_MS = 3_600_000
HOLD_MS = 5_000
MINUTE_MS = 60_000
JOBS = 60


class Source:
    """A queue by a clock that the test moves, with jobs of one scraper that asks one host."""

    def __init__(self, redis: redis_asyncio.Redis) -> None:
        self.now = 1_800_000_000_000
        self.queue = QueueCommands(redis, now_ms=lambda: self.now)
        self._sequence = 0

    async def claim(self, want: int = 10) -> list[Claim]:
        self._sequence += 1
        return (await self.queue.claim("w", want=want, lease_ms=LEASE_MS, sequence=self._sequence)).claims

    async def refuse(self, claims: list[Claim]) -> None:
        """The host answers all of these with 429."""
        for claim in claims:
            self.now += 10
            await self.queue.release([(claim.job_id, claim.token)], delay_ms=MINUTE_MS * 60, hold_ms=HOLD_MS)

    async def wait(self, ms: int) -> None:
        self.now += ms
        await self.queue.tick()

    async def distance_ms(self) -> int:
        """Between two starts from now on; 0 when several start at once."""
        started = await self.claim()
        assert started, "the next start is due"
        if len(started) > 1:
            return 0
        since = self.now
        while not await self.claim(1):
            await self.wait(50)
        return self.now - since


@pytest.fixture
async def source(redis: redis_asyncio.Redis) -> Source:
    source = Source(redis)
    await source.queue.control("hosts:scraper:b3", "b3.com.br", "test")
    await source.queue.enqueue([spec("B3", str(number)) for number in range(JOBS)])
    return source


async def test_refusals_of_what_was_under_way_are_one_complaint(source: Source) -> None:
    await source.refuse(await source.claim(10))
    assert await source.claim() == []
    await source.wait(HOLD_MS)
    assert await source.distance_ms() == 500


async def test_each_further_complaint_doubles_the_distance(source: Source) -> None:
    distances = []
    for _ in range(3):
        await source.refuse(await source.claim(1))
        await source.wait(HOLD_MS)
        distances.append(await source.distance_ms())
        await source.wait(10_000)
    assert distances == [500, 1_000, 2_000]


async def test_each_minute_without_a_complaint_halves_the_distance(source: Source) -> None:
    for _ in range(2):
        await source.refuse(await source.claim(1))
        await source.wait(HOLD_MS)
    distances = []
    for _ in range(3):
        distances.append(await source.distance_ms())
        await source.wait(MINUTE_MS)
    assert distances == [1_000, 500, 0]
