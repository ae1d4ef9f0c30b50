"""Workers that die or freeze at any moment."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest
from tests.builders import eventually
from tests.chaos.long.system import BESIDE_OTHERS_SECONDS, JOBS, LEASE_SECONDS, SLOTS, WORKERS, System

FROZEN_SECONDS = 4.0
ENOUGH_FOR_SOME_LOOKS = 4_000
"""Jobs that last until workers have seen each other a few times, however small the run."""

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


async def test_workers_killed_at_random_lose_nothing(system: System) -> None:
    await system.enqueue(system.scaled(JOBS))
    await system.start_workers()
    kills = system.scaled(14, at_least=2)
    for number in range(kills):
        await system.until_begun((number + system.chance.random()) / (kills + 1))
        await system.kill_a_worker()
    await system.all_recorded()
    await system.check()
    system.check_recovery()


async def test_a_worker_that_died_beside_others_is_found_out_before_its_lease_ends(system: System) -> None:
    """The lease is the default of 15 s: its end would be far too late."""
    system.prepare(PREGAO_LEASE_MS="15000")
    await system.enqueue(system.scaled(JOBS, at_least=ENOUGH_FOR_SOME_LOOKS))
    await system.start_workers()
    kills = system.scaled(5, at_least=2)
    for number in range(kills):
        await system.until_begun((number + 0.5) / (kills + 1))
        await system.until_seen_by_neighbours()
        await system.kill_a_worker()
    await system.all_recorded()
    await system.check()
    assert len(system.entry.recoveries) == kills
    system.check_recovery(BESIDE_OTHERS_SECONDS)


async def test_a_worker_frozen_for_less_than_its_lease_is_not_taken_for_dead(system: System) -> None:
    """The lease is the default of 15 s; its neighbours look at it a few times meanwhile."""
    system.prepare(PREGAO_LEASE_MS="15000")
    await system.enqueue(system.scaled(JOBS, at_least=ENOUGH_FOR_SOME_LOOKS))
    await system.start_workers()
    freezes = system.scaled(3, at_least=1)
    for number in range(freezes):
        await system.until_begun((number + 0.5) / (freezes + 1))
        await system.until_seen_by_neighbours()
        victim = await system.busy_worker()
        victim.send_signal(signal.SIGSTOP)
        system.entry.fault(f"SIGSTOP for {FROZEN_SECONDS:g} s")
        await asyncio.sleep(FROZEN_SECONDS)
        victim.send_signal(signal.SIGCONT)
    await system.all_recorded()
    await system.check()
    assert system.entry.rerun == 0


async def test_workers_frozen_past_their_lease_come_too_late(system: System) -> None:
    await system.enqueue(system.scaled(JOBS))
    await system.start_workers()
    freezes = system.scaled(4, at_least=1)
    for number in range(freezes):
        await system.until_begun((number + 0.3) / (freezes + 1))
        victim = await system.busy_worker()
        victim.send_signal(signal.SIGSTOP)
        system.note_death(victim.pid, "SIGSTOP")
        held, began = system.oracle.running_in(victim.pid), time.time()

        async def begun_elsewhere(pid: int = victim.pid, since: float = began) -> float | None:
            return system.oracle.recovery_seconds(pid, since)

        await eventually(begun_elsewhere, seconds=30, what="its jobs elsewhere")
        await asyncio.sleep(LEASE_SECONDS)
        before = system.late_settles_refused()
        victim.send_signal(signal.SIGCONT)

        async def refused(before: int = before) -> int:
            return system.late_settles_refused() - before

        await eventually(refused, lambda count, held=held: count >= held, seconds=30, what=f"{held} refusals")  # type: ignore[misc]
    await system.all_recorded()
    await system.check()
    system.check_recovery()


async def test_workers_stopped_politely_under_load_run_nothing_twice(system: System) -> None:
    """SIGTERM to all of them, twice over; then one gets it twice in a row, which ends it at once."""
    await system.enqueue(system.scaled(JOBS))
    await system.start_workers()
    for share in (0.2, 0.5):
        await system.until_begun(share)
        leaving = [process for process in system.fleet.processes if process.poll() is None]
        for process in leaving:
            process.send_signal(signal.SIGTERM)
            system.entry.fault("SIGTERM")
        codes = [await asyncio.to_thread(process.wait, 60) for process in leaving]
        assert codes == [0] * WORKERS
        assert all(run.ended for run in system.oracle.runs()), "what ran was allowed to finish"
        assert set(system.oracle.executions().values()) == {1}
        await system.start_workers()
    await system.until_begun(0.7)
    victim = await system.busy_worker()
    victim.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.05)
    victim.send_signal(signal.SIGTERM)
    system.note_death(victim.pid, "SIGTERM again")
    assert await asyncio.to_thread(victim.wait, 10) == 128 + signal.SIGTERM
    await system.all_recorded()
    await system.check()
    assert system.entry.rerun <= SLOTS
