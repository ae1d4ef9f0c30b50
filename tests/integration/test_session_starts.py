"""A job never starts logged out: session files count before the first claim, when limits change, and at each start."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.builders import eventually, spec
from tests.working import SettingsMaker, ended, open_gate, scrapes, working

from pregao.domain.job import JobStatus
from pregao.limits import session_watch
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews

LOGGED_IN = '[{"name": "session", "value": "x"}]'


@pytest.fixture
def make_settings(redis_url: str, database_url: str, tmp_path: Path) -> SettingsMaker:
    return SettingsMaker(tmp_path / "home", REDIS_URL=redis_url, DATABASE_URL=database_url)


@pytest.fixture(autouse=True)
def _no_look_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are not looked at again by themselves; limits are, ten times a second."""
    monkeypatch.setattr(session_watch, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(session_watch, "LOOKS_AT_LIMITS", 36_000)


def limits_text(cookies: Path) -> str:
    return f"scrapers: {{Echo: {{session_files: ['{cookies}']}}}}"


async def why_held(views: QueueViews) -> str | None:
    hold = (await views.gates()).logins.get("echo")
    return hold and hold.why


async def test_the_first_claim_finds_the_hold(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, tmp_path: Path
) -> None:
    settings, cookies = make_settings(), tmp_path / "site.json"
    Path(settings.scrapers_file).write_text(limits_text(cookies))
    held, other = spec("Echo", "held"), spec("Gated", "other")
    await queue.enqueue([held, other])
    async with working(settings):
        open_gate()
        await ended(views, other, JobStatus.COMPLETED)
        document = await views.document(held.id)
        assert document is not None
        assert (document["status"], document["attempt"]) == ("pending", 0)
        assert await why_held(views) == f"{cookies} is missing"


async def test_a_file_that_goes_between_two_looks_starts_no_job_and_spends_no_retry(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, tmp_path: Path
) -> None:
    settings, cookies = make_settings(), tmp_path / "site.json"
    Path(settings.scrapers_file).write_text(limits_text(cookies))
    cookies.write_text(LOGGED_IN)
    async with working(settings) as worker:
        first, second = spec("Echo", "first"), spec("Echo", "second")
        await queue.enqueue([first])
        await ended(views, first, JobStatus.COMPLETED)
        cookies.unlink()
        await queue.enqueue([second])
        assert await eventually(lambda: why_held(views)) == f"{cookies} is missing"
        waiting = await ended(views, second, JobStatus.PENDING)
        assert waiting["retry_count"] == 0
        assert await scrapes() == ["first"]
        await eventually(views.parked, lambda parked: "echo" in parked, what="parking the job")
        cookies.write_text(LOGGED_IN)
        await worker._sessions.step()
        done = await ended(views, second, JobStatus.COMPLETED)
        assert done["retry_count"] == 0
    assert await scrapes() == ["first", "second"]


async def test_session_files_that_limits_begin_to_name_are_looked_at_then(
    make_settings: SettingsMaker, views: QueueViews, tmp_path: Path
) -> None:
    settings, cookies = make_settings(), tmp_path / "site.json"
    async with working(settings):
        assert await why_held(views) is None
        Path(settings.scrapers_file).write_text(limits_text(cookies))
        assert await eventually(lambda: why_held(views)) == f"{cookies} is missing"
