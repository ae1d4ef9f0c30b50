"""What the breaker of a scraper counts, when attempts end in one call or in several."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import redis.asyncio as redis_asyncio
from tests.builders import spec

from pregao.queue.commands import QueueCommands
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Claim, Settlement

LIMIT = 3
OPEN = "open:scraper:b3"


class Breaker:
    """A queue whose scraper B3 has a breaker."""

    def __init__(self, redis: redis_asyncio.Redis) -> None:
        self.queue = QueueCommands(redis)
        self._sequence = 0

    async def is_open(self) -> bool:
        return OPEN in await self.queue.control_fields()

    async def claim(self, want: int) -> list[Claim]:
        self._sequence += 1
        return (await self.queue.claim("w", want=want, lease_ms=10**9, sequence=self._sequence)).claims

    async def run(self, outcomes: Sequence[str]) -> list[Claim]:
        """As many jobs, which end in one call: `ok`, or the class of their failure. Answers those that could start."""
        await self.queue.enqueue([spec("B3") for _ in outcomes])
        claims = await self.claim(len(outcomes))
        ended = list(zip(claims, outcomes, strict=False))
        if ended:
            await self.queue.settle([settlement(*one) for one in ended])
        return claims


def settlement(claim: Claim, outcome: str) -> Settlement:
    if outcome == "ok":
        return Settlement(claim=claim, completed=True, report=AttemptReport(), result_json=b"1")
    return Settlement(claim=claim, completed=False, report=AttemptReport(error="no", error_class=outcome), counts=True)


@pytest.fixture
async def breaker(redis: redis_asyncio.Redis) -> Breaker:
    made = Breaker(redis)
    await made.queue.control("breaker:scraper:b3", str(LIMIT), "test")
    return made


@pytest.mark.parametrize("calls", [[["network"] * LIMIT], [["network"]] * LIMIT])
async def test_failures_of_one_class_in_a_row_open_it_in_one_call_or_in_several(
    breaker: Breaker, calls: list[list[str]]
) -> None:
    for outcomes in calls:
        assert not await breaker.is_open()
        await breaker.run(outcomes)
    assert await breaker.is_open()
    assert await breaker.run(["ok"]) == []


@pytest.mark.parametrize(
    "calls",
    [
        [["network", "network", "ok", "network", "network"]],
        [["network", "network"], ["ok"], ["network", "network"]],
        [["network", "network"], ["ok", "network"], ["network"]],
        [["network", "network", "timeout", "network", "network"]],
        [["network", "network"], ["timeout"], ["network", "network"]],
    ],
)
async def test_a_success_or_another_class_in_between_begins_the_count_again(
    breaker: Breaker, calls: list[list[str]]
) -> None:
    for outcomes in calls:
        await breaker.run(outcomes)
    assert not await breaker.is_open()
