"""Redis that dies, forgets, fills up, or is hard to reach."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import redis.asyncio as redis_async
from tests.builders import eventually
from tests.chaos.fault_proxy import FaultProxy
from tests.chaos.long.append_only_file import SizeHistory
from tests.chaos.long.canary import Canary
from tests.chaos.long.system import JOBS, LEASE_SECONDS, RUN_SECONDS, WORKERS, System

from pregao.domain.errors import QueueError, QueueFull
from pregao.queue.commands import QueueCommands

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


async def test_a_redis_that_is_killed_and_restarted_loses_nothing(system: System) -> None:
    await system.enqueue(system.scaled(JOBS))
    await system.start_workers()
    forgotten = 0
    for share in (0.2, 0.45, 0.7):
        async with Canary(system.redis) as canary:
            await system.until_begun(share)
            system.valkey.kill()
        killed = time.time()
        system.entry.fault("Valkey kill -9")
        await asyncio.sleep(system.chance.uniform(0, 0.3))
        system.valkey.start()
        back = time.time()
        if back - killed > LEASE_SECONDS / 3:
            # Loading the file took so long that workers may have given up what they could not renew.
            system.interruptions += WORKERS
        forgotten += await note_what_the_server_forgot(system, canary)
        await system.until_begun(share + 0.1)
        system.note_recovery(back + RUN_SECONDS)
    await system.all_recorded()
    await system.check(redis_forgot=forgotten > 0)
    system.check_recovery()
    assert system.interruptions or system.entry.rerun == 0, "an outage much shorter than a lease interrupts nobody"


async def note_what_the_server_forgot(system: System, canary: Canary) -> int:
    """Claims and settles that it acknowledged and did not keep are made again, as after a power cut."""
    forgotten = await canary.forgotten()
    if forgotten:
        system.interruptions += WORKERS
        system.entry.remarks.append(f"killed while it waited for the disk, it forgot {forgotten} acknowledged writes")
    return forgotten


async def test_a_redis_that_lost_its_last_second_loses_nothing_that_was_recorded(
    system: System, tmp_path: Path
) -> None:
    """Jobs are accepted all the time, so that some of them are in the second that is cut off."""
    sizes = SizeHistory(tmp_path / "own" / "valkey" / "appendonlydir")
    await begin_recording(system)
    recorded: set[str] = set()
    async with sizes:
        for number in range(2):
            await accept_for_a_while(system, portions=20)
            recorded |= {row["job_id"] for row in await system.rows("SELECT job_id::text FROM jobs")}
            system.valkey.kill()
            system.entry.fault("last second cut off")
            system.interruptions += WORKERS
            cut = sizes.cut_last_second()
            system.entry.remarks.append(f"{cut} bytes cut off, cut {number + 1}")
            system.valkey.start()
    await accept_for_a_while(system, portions=5)
    await settled_down(system)
    await system.check(may_be_lost=lambda job_id: job_id not in recorded, redis_forgot=True)


async def begin_recording(system: System) -> None:
    """Start with recorders that work: what they have not seen yet is not theirs to lose."""
    await system.start_workers()
    await system.enqueue(1)
    await system.all_recorded()


async def accept_for_a_while(system: System, portions: int) -> None:
    for _ in range(portions):
        await system.enqueue(max(1, system.scaled(JOBS // 45)))
        await asyncio.sleep(0.1)


async def settled_down(system: System) -> None:
    """Wait until nothing waits, runs or is on its way, three seconds long."""
    quiet_since: float | None = None

    async def quiet() -> bool:
        nonlocal quiet_since
        lengths, outbox = await system.views.lengths(), await system.views.outbox()
        if lengths.total + lengths.running + lengths.delayed + outbox.entries:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = time.monotonic()
        return quiet_since is not None and time.monotonic() > quiet_since + 3

    await eventually(quiet, seconds=240, what="settling down")


async def test_an_emptied_redis_loses_nothing_that_was_recorded(system: System) -> None:
    await begin_recording(system)
    recorded: set[str] = set()
    for _ in range(2):
        await system.enqueue(system.scaled(JOBS // 3))
        await asyncio.sleep(1)
        await system.enqueue(system.scaled(JOBS // 100))
        recorded |= {row["job_id"] for row in await system.rows("SELECT job_id::text FROM jobs")}
        await system.redis.flushall()
        emptied = time.time()
        system.entry.fault("FLUSHALL")
        system.interruptions += WORKERS
        await eventually(system.commands.read_generation, seconds=30, what="a new generation")
        await asyncio.sleep(1)
        system.note_recovery(emptied + RUN_SECONDS)
    await system.enqueue(system.scaled(JOBS // 10))
    await settled_down(system)
    await system.check(may_be_lost=lambda job_id: job_id not in recorded, redis_forgot=True)
    system.check_recovery()


async def test_scripts_that_are_flushed_come_back(system: System) -> None:
    await system.enqueue(system.scaled(JOBS))
    await system.start_workers()
    flushes = system.scaled(40, at_least=5)
    for number in range(flushes):
        await system.until_begun(number / flushes)
        await system.redis.script_flush()
        system.entry.fault("SCRIPT FLUSH")
    await system.all_recorded()
    await system.check()
    assert system.entry.rerun == 0


async def test_a_full_redis_refuses_new_jobs_and_lets_the_others_end(system: System) -> None:
    await system.enqueue(system.scaled(JOBS // 2))
    await system.start_workers()
    before = (await system.redis.config_get("maxmemory"))["maxmemory"]
    refused, wanted = 0, system.scaled(JOBS)
    for share in (0.2, 0.6):
        await system.until_begun(share)
        await system.redis.config_set("maxmemory", "1")
        system.entry.fault("maxmemory reached")
        begun = len(system.oracle.runs())
        try:
            await system.enqueue(1)
        except QueueFull:
            refused += 1

        async def goes_on(begun: int = begun) -> bool:
            return len(system.oracle.runs()) >= begun + 50

        await eventually(goes_on, seconds=30, what="work going on at maxmemory")
        await system.redis.config_set("maxmemory", before)
        await system.enqueue(min(system.scaled(JOBS // 4), wanted - len(system.jobs)))
    assert refused == 2
    await system.all_recorded()
    await system.check()
    assert system.entry.rerun == 0


async def test_connections_that_are_cut_after_the_server_has_executed_cost_nothing(system: System) -> None:
    with FaultProxy(system.valkey.port, system.chance) as proxy:
        await begin_behind(system, proxy, system.scaled(JOBS // 2))
        proxy.cut_probability = 0.05
        await accept_through(system, proxy)
        await system.until_begun(0.8)
        proxy.cut_probability = 0.0
        await system.all_recorded()
        system.entry.fault("requests cut", proxy.cut_requests)
        system.entry.fault("answers cut", proxy.cut_answers)
    # A worker whose renewals are cut for as long as a lease stops its jobs itself, which is one interruption.
    system.interruptions = len(
        await system.rows("SELECT DISTINCT worker FROM job_attempts WHERE outcome <> 'completed'")
    )
    await system.check()
    assert proxy.cut_answers, "nothing was cut"


async def accept_through(system: System, proxy: FaultProxy) -> None:
    """Accept as many jobs again over the bad network, repeating each call until it is answered."""
    bad = redis_async.Redis.from_url(f"redis://127.0.0.1:{proxy.port}/0", protocol=2)
    commands = QueueCommands(bad)
    for _ in range(20):
        specs = system.new_specs(system.scaled(JOBS // 40))
        while True:
            try:
                await commands.enqueue(specs)
                break
            except (QueueError, OSError):
                continue
    await bad.aclose()


async def begin_behind(system: System, proxy: FaultProxy, jobs: int | None = None) -> None:
    system.prepare(redis_url=f"redis://127.0.0.1:{proxy.port}/0")
    await system.enqueue(system.scaled(JOBS) if jobs is None else jobs)
    await system.start_workers()


async def test_a_black_hole_of_ten_seconds_loses_nothing(system: System) -> None:
    with FaultProxy(system.valkey.port, system.chance) as proxy:
        await begin_behind(system, proxy)
        await system.until_begun(0.3)
        proxy.black_hole = True
        system.entry.fault("10 s black hole")
        system.interruptions += WORKERS
        await asyncio.sleep(10)
        proxy.black_hole = False
        healed = time.time()
        await system.until_begun(0.9)
        system.note_recovery(healed)
        await system.all_recorded()
    await system.check()
    # Whoever waits out a whole timeout notices the end of the hole only then.
    system.check_recovery(LEASE_SECONDS + 10)


async def test_a_slow_network_only_slows_down(system: System) -> None:
    with FaultProxy(system.valkey.port, system.chance) as proxy:
        await begin_behind(system, proxy)
        await system.until_begun(0.2)
        proxy.latency_seconds = 0.1  # each way
        system.entry.fault("200 ms latency")
        await system.until_begun(0.8)
        proxy.latency_seconds = 0.0
        await system.all_recorded()
    await system.check()
    assert system.entry.rerun == 0
