"""Scrapers that block for longer than several leases of the default length."""

from __future__ import annotations

import os
import time

import pytest
from tests.builders import eventually, spec
from tests.chaos.long.system import System
from tests.isolating import MISBEHAVING

from pregao.domain.job import JobStatus

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

BLOCKED_SECONDS = 70
BESIDE = 200


async def test_scrapers_that_sleep_for_seventy_seconds_lose_no_lease_and_delay_nobody(system: System) -> None:
    """One slot is left: the jobs in the worker's own event loop run through it meanwhile."""
    system.prepare(
        PATH=os.environ["PATH"],
        SCRAPERS_PATH=str(MISBEHAVING),
        PREGAO_LEASE_MS="15000",
        SCRAPER_CONCURRENT_JOBS="4",
        SCRAPER_TIMEOUT="120000",
    )
    blocking = [spec("Blocking", str(BLOCKED_SECONDS), max_retries=0) for _ in range(3)]
    await system.commands.enqueue(blocking)
    await system.start_workers(1)

    async def statuses() -> set[JobStatus | None]:
        return {await system.views.status(job.id) for job in blocking}

    await eventually(statuses, lambda now: now == {JobStatus.RUNNING}, seconds=60, what="three that block")
    began = time.monotonic()
    await system.enqueue(system.scaled(BESIDE, at_least=20))
    await system.all_recorded(seconds=BLOCKED_SECONDS)
    beside = time.monotonic() - began
    assert await statuses() == {JobStatus.RUNNING}, "the others had to wait for those that block"
    await eventually(statuses, lambda now: now == {JobStatus.COMPLETED}, seconds=120, what="their end")
    documents = await system.views.documents([job.id for job in blocking])
    assert {document["attempt"] for document in documents.values()} == {1}
    assert "renewed" not in system.logs()
    system.entry.jobs = len(system.jobs) + len(blocking)
    system.entry.remarks.append(
        f"{len(system.jobs)} jobs took {beside:.0f} s beside three that slept for {BLOCKED_SECONDS} s, one attempt each"
    )
