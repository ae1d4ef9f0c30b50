"""Scrapers that need a browser, with a real one: whole trees are measured, limited and ended."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.builders import eventually
from tests.chaos.browsing import (
    LEASE_MS,
    PAGE,
    all_ended,
    browse,
    browser,
    browsing_jobs,
    lives_of,
    scratch_of,
)
from tests.chaos.fleet import Fleet
from tests.isolating import MISBEHAVING, Attempts, isolating, ours

from pregao.attempt.outcome import Completed, Failed, Killed
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews


@pytest.fixture
def chromium() -> str:
    return browser()


@pytest.fixture
async def attempt(chromium: str) -> AsyncIterator[Attempts]:
    async with isolating({"CHROMIUM": chromium}) as attempts:
        yield attempts


def browsers() -> list[str]:
    """Browser processes of attempts of this process."""
    return [name for name in lives_of([os.getpid()]) if "chrom" in name]


async def test_a_scraper_gets_its_browser_and_takes_it_away_again(attempt: Attempts) -> None:
    outcome = await attempt("Page", PAGE)
    assert isinstance(outcome, Completed)
    assert outcome.data == {"title": "Petrobras"}
    assert "Page starts its browser" in (outcome.footprint.logs or "")
    assert browsers() == []


async def test_the_memory_of_a_browser_counts_for_its_scraper(attempt: Attempts) -> None:
    """All of its processes together, well above what the scraper itself has."""
    outcome = await attempt("Page", f"wait|{PAGE}", timeout_seconds=3)
    assert isinstance(outcome, Failed)
    assert outcome.footprint.peak_memory_mb is not None
    assert outcome.footprint.peak_memory_mb > 100


async def test_a_browser_that_is_left_open_is_closed(attempt: Attempts) -> None:
    outcome = await attempt("Page", f"leave|{PAGE}")
    assert isinstance(outcome, Completed)
    assert "processes were left running and are killed: chromium" in (outcome.footprint.logs or "")
    assert browsers() == []


async def test_a_crash_takes_the_browser_with_it(attempt: Attempts) -> None:
    outcome = await attempt("Page", f"crash|{PAGE}")
    assert isinstance(outcome, Killed)
    assert browsers() == []


async def test_a_limit_below_a_browser_kills_it_and_names_it(attempt: Attempts) -> None:
    outcome = await attempt("Page", f"wait|{PAGE}", memory_mb=60)
    assert isinstance(outcome, Killed)
    assert outcome.story.startswith("killed for memory: peak ")
    assert "chromium" in outcome.story
    assert browsers() == []


async def test_shared_memory_is_counted_once_near_the_limit(attempt: Attempts) -> None:
    """The resident memory of a browser's processes, summed, is above this limit; what they really take is not."""
    outcome = await attempt("Page", f"wait|{PAGE}", timeout_seconds=3)
    assert outcome.footprint.peak_memory_mb is not None
    summed = outcome.footprint.peak_memory_mb
    limited = await attempt("Page", PAGE, memory_mb=round(summed * 0.95))
    assert isinstance(limited, Completed), limited


async def test_plain_http_does_not_pay_for_the_browser_that_it_inherits(attempt: Attempts) -> None:
    logs = {mode: (await attempt("Inherited", initialize=mode)).footprint.logs for mode in ("auto", "never", "always")}
    assert (logs["auto"], logs["never"]) == (None, None)
    assert "Inherited starts its browser" in (logs["always"] or "")


# --- through a worker --------------------------------------------------------------------------------------------


@pytest.fixture
def fleet(redis_url: str, database_url: str, tmp_path: Path, chromium: str) -> Iterator[Fleet]:
    fleet = Fleet(
        tmp_path / "fleet",
        redis_url,
        database_url,
        SCRAPERS_PATH=str(MISBEHAVING),
        CHROMIUM=chromium,
        PREGAO_LEASE_MS=str(LEASE_MS),
        SCRAPER_CONCURRENT_JOBS="2",
        SCRAPER_MEMORY_MB="500",
        SCRAPER_CLEANUP_SECONDS="2",
    )
    yield fleet
    fleet.stop()


@pytest.mark.slow
async def test_browser_jobs_leave_no_process_behind_whatever_is_killed(
    fleet: Fleet, queue: QueueCommands, views: QueueViews
) -> None:
    """The short form of the run in tests/chaos/long."""
    jobs = browsing_jobs(6, random.Random(1))
    ends = await browse(fleet, queue, views, jobs, worker_kills=1, zygote_kills=1)
    assert sum(ends.values()) == len(jobs)
    await all_ended(views, jobs, seconds=1)
    await nothing_left(fleet)


async def nothing_left(fleet: Fleet) -> None:
    """When the last worker has stopped, as many processes live as before the first one started: none."""
    pids = [process.pid for process in fleet.processes]
    for process in fleet.processes:
        process.terminate()
    for process in fleet.processes:
        process.wait(60)

    async def lives() -> list[str]:
        return lives_of(pids)

    await eventually(lives, lambda left: left == [], seconds=30, what="the end of all processes")
    assert scratch_of(pids[-1:], Path(tempfile.gettempdir())) == []
    assert ours() == []
