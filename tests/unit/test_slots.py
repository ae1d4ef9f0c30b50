"""The slots of a worker: what jobs of any weight take of them and give back."""

from __future__ import annotations

import asyncio

from tests.builders import spec

from pregao.queue.messages import Claim
from pregao.worker.slots import SETTLING_LIMIT, Slots

SAME = "6a0b3f0e-7f0e-4b0a-9a57-1d3a5d3c0001"


def claim(weight: int = 1, token: str = "1-1", job_id: str | None = None) -> Claim:
    job = spec() if job_id is None else spec(id=job_id)
    return Claim(job, token, 1, 0, weight=weight)


async def test_a_job_takes_as_many_slots_as_it_weighs_and_gives_them_back_once() -> None:
    slots = Slots(5)
    heavy, light = slots.take(claim(3, "1-1")), slots.take(claim(1, "1-2"))
    assert (slots.used, slots.free, len(slots)) == (4, 1, 2)
    assert slots.leave(heavy)
    assert not slots.leave(heavy)
    assert (slots.used, slots.free, len(slots)) == (1, 4, 1)
    assert slots.leave(light)
    assert slots.free == 5


async def test_a_job_that_weighs_more_than_the_worker_has_fills_it() -> None:
    slots = Slots(2)
    slot = slots.take(claim(7))
    assert (slots.used, slots.free) == (2, 0)
    slots.leave(slot)
    assert slots.free == 2


async def test_a_job_that_is_here_twice_weighs_twice_until_the_lost_attempt_ends() -> None:
    slots = Slots(2)
    lost = slots.take(claim(2, "1-1", SAME))
    again = slots.take(claim(2, "1-2", SAME))
    assert lost.stop.result() == "lost"
    assert not again.stop.done()
    assert slots.free == -2
    slots.leave(lost)
    assert slots.free == 0


async def test_a_wait_for_a_slot_ends_with_its_time() -> None:
    await Slots(1).one_left(0)


async def test_an_attempt_that_is_over_makes_room_before_it_is_settled() -> None:
    slots = Slots(2)
    heavy = slots.take(claim(2))
    slots.settle(heavy)
    slots.settle(heavy)
    assert (slots.free, slots.used, slots.running, len(slots)) == (2, 0, 0, 1)
    assert slots.leave(heavy)
    assert (slots.free, len(slots), slots.settling) == (2, 0, 0)


async def test_no_more_than_a_batch_of_attempts_makes_room_before_it_is_settled() -> None:
    slots = Slots(1_000)
    taken = [slots.take(claim(token=f"1-{number}")) for number in range(SETTLING_LIMIT + 1)]
    for slot in taken:
        slots.settle(slot)
    assert slots.used == 1
    slots.leave(taken[0])
    slots.settle(taken[-1])
    assert slots.used == 0


async def test_a_worker_is_empty_when_everything_is_settled() -> None:
    slots = Slots(1)
    slot = slots.take(claim())
    slots.settle(slot)
    waiting = asyncio.create_task(slots.all_left())
    await asyncio.sleep(0)
    assert not waiting.done()
    slots.leave(slot)
    await waiting
