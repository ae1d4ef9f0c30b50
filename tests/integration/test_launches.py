"""Isolated scrapers with a browser wait for their turn to launch it; the others do not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.builders import eventually, spec
from tests.foreign import directory
from tests.working import SettingsMaker, ended, working

from pregao.domain.job import JobStatus
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews
from pregao.settings import Settings

Prepare = Callable[..., Settings]


@pytest.fixture
def prepared(make_settings: SettingsMaker, tmp_path: Path) -> Prepare:
    """Settings of a worker with a scraper that says that it needs a browser, and one that does not."""
    folder = directory(tmp_path / "own", {"Page": "    transport = 'browser'\n", "Plain": ""})

    def prepare(**overrides: str) -> Settings:
        return make_settings(PATH=os.environ["PATH"], SCRAPERS_PATH=str(folder), **overrides)

    return prepare


async def test_the_wait_for_a_launch_is_none_of_a_job_s_time(
    prepared: Prepare, queue: QueueCommands, views: QueueViews
) -> None:
    jobs = [spec("Page", f"T{number}", timeout_seconds=3) for number in range(2)]
    async with working(prepared(SCRAPER_BROWSER_DISTANCE_SECONDS="3.5")):
        await queue.enqueue(jobs)
        for job in jobs:
            document = await ended(views, job, JobStatus.COMPLETED)
            assert document["attempt"] == 1


async def test_a_job_that_waits_for_its_launch_can_be_cancelled_and_others_run_beside_it(
    prepared: Prepare, queue: QueueCommands, views: QueueViews
) -> None:
    first, waiting, plain = spec("Page", "first"), spec("Page", "waiting"), spec("Plain", "beside")
    async with working(prepared(SCRAPER_BROWSER_DISTANCE_SECONDS="60")):
        await queue.enqueue([first])
        await ended(views, first, JobStatus.COMPLETED)
        await queue.enqueue([waiting, plain])
        await ended(views, plain, JobStatus.COMPLETED)
        await eventually(lambda: views.status(waiting.id), lambda status: status is JobStatus.RUNNING)
        await queue.cancel(waiting.id)
        await ended(views, waiting, JobStatus.CANCELLED)
