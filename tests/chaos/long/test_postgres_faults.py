"""PostgreSQL that is away, dies at the worst moment, or refuses a row: lag, and nothing else."""

from __future__ import annotations

import asyncio
import threading
import time

import asyncpg
import pytest
from tests.builders import eventually
from tests.chaos.fault_proxy import FaultProxy
from tests.chaos.long.system import DATABASE, JOBS, System

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

OUTAGE_SECONDS = 30.0
COMMIT = b"COMMIT;"


async def test_postgres_away_for_half_a_minute_holds_up_nobody(system: System) -> None:
    await system.enqueue(system.scaled(JOBS))
    await system.start_workers()
    await system.until_begun(0.1)
    system.postgres.kill()
    system.entry.fault("PostgreSQL away 30 s")
    began, at_the_kill = time.monotonic(), len(system.oracle.runs())
    await system.until_begun(0.6)
    assert len(system.oracle.runs()) > at_the_kill, "jobs go on"
    await asyncio.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - began)))
    system.postgres.start()
    await system.all_recorded()
    await system.check()
    assert system.entry.rerun == 0


async def test_postgres_away_until_the_outbox_is_full_stops_claims_and_not_the_jobs_that_run(system: System) -> None:
    maxmemory = max(16_000_000, int(64_000_000 * system.scaled(JOBS) / JOBS))
    await system.redis.config_set("maxmemory", maxmemory)
    system.prepare(PREGAO_TEST_RESULT_BYTES="30000")
    await system.enqueue(system.scaled(JOBS // 2, at_least=500))
    await record_the_requests(system)
    system.postgres.kill()
    system.entry.fault("PostgreSQL away until backpressure")
    await system.start_workers()

    async def stands_still() -> bool:
        before = len(system.oracle.runs())
        await asyncio.sleep(3)
        return before > 0 and len(system.oracle.runs()) == before

    await eventually(stands_still, seconds=120, what="backpressure")
    outbox, lengths = await system.views.outbox(), await system.views.lengths()
    assert outbox.bytes > maxmemory // 4
    assert lengths.total > 0, "there is work, and nobody takes it"
    assert lengths.running == 0, "what ran has ended"
    assert "recording is behind" in system.logs()
    system.postgres.start()
    back = time.time()
    await system.all_recorded()
    system.note_recovery(back)
    await system.check()
    assert system.entry.rerun == 0


async def record_the_requests(system: System) -> None:
    recorder = system.fleet.start("recorder")
    await eventually(system.views.outbox, lambda outbox: not outbox.entries, seconds=60, what="recording the requests")
    recorder.terminate()
    await asyncio.to_thread(recorder.wait, 20)


async def test_postgres_killed_between_insert_and_acknowledgement_records_everything_once(system: System) -> None:
    """Three moments in turn: before the commit arrives, after it, and after it without PostgreSQL dying at all."""
    dropped = threading.Event()
    with FaultProxy(system.postgres.port, system.chance) as proxy:
        proxy.on_drop = dropped.set
        direct = system.postgres.url_of(DATABASE)
        system.prepare(database_url=direct.replace(f":{system.postgres.port}/", f":{proxy.port}/"))
        await system.enqueue(system.scaled(JOBS))
        await system.start_workers()
        for number in range(faults := system.scaled(12, at_least=3)):
            await system.until_begun((number + 0.5) / (faults + 1))
            dropped.clear()
            moment = ("killed before the commit", "killed after the commit", "commit's answer lost")[number % 3]
            if moment == "killed before the commit":
                proxy.drop_request_with = COMMIT
            else:
                proxy.drop_answer_to = COMMIT
            assert await asyncio.to_thread(dropped.wait, 60)
            proxy.drop_answer_to = proxy.drop_request_with = None
            if moment.startswith("killed"):
                system.postgres.kill()
                system.postgres.start()
            system.entry.fault(moment)
        await system.all_recorded()
    assert proxy.dropped_answers + proxy.dropped_requests >= faults
    await system.check()
    assert system.entry.rerun == 0


async def test_a_row_that_postgres_refuses_fails_its_job_and_no_other(system: System) -> None:
    connection = await asyncpg.connect(system.database_url)
    await connection.execute(
        "ALTER TABLE scraper_results ADD CONSTRAINT bad_luck CHECK (NOT (success AND ticker LIKE '%13'))"
    )
    await connection.close()
    await system.enqueue(system.scaled(JOBS))
    await system.start_workers()
    await system.all_recorded()
    refused = frozenset(job.ticker or "" for job in system.jobs if (job.ticker or "").endswith("13"))
    system.entry.fault("refused rows", len(refused))
    await system.check(failed=refused)
    assert (await system.views.outbox()).dead == len(refused)
    [row] = await system.rows("SELECT count(*) AS n FROM scraper_results WHERE error LIKE '%bad_luck%'")
    assert row["n"] == len(refused), "the row says why"
    assert system.entry.rerun == 0
