"""How isolated attempts are made to end: timeouts, cancels, what they leave running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.builders import eventually
from tests.isolating import MISBEHAVING, Attempts, alive, entries, isolating, ours, pids_in, written

from pregao.attempt.outcome import Completed, Failed, Killed, Stopped, StopReason
from pregao.domain.failure import FailureClass


@pytest.fixture
async def attempt() -> AsyncIterator[Attempts]:
    async with isolating() as attempts:
        yield attempts


def stop_future() -> asyncio.Future[StopReason]:
    return asyncio.get_running_loop().create_future()


# --- timeouts ----------------------------------------------------------------------------------------------------


async def test_at_its_timeout_a_scraper_is_cancelled_and_cleans_up(attempt: Attempts, tmp_path: Path) -> None:
    outcome = await attempt("Diary", f"hang:{tmp_path / 'diary'}", timeout_seconds=0.3)
    assert isinstance(outcome, Failed)
    assert outcome.failure.failure_class is FailureClass.TIMEOUT
    assert outcome.failure.message == "timed out after 0.3 s"
    assert await entries(tmp_path / "diary") == ["scrape", "cancelled", "cleanup", "cleaned"]


async def test_a_timeout_leaves_in_the_log_where_the_scraper_was(attempt: Attempts, tmp_path: Path) -> None:
    outcome = await attempt("Diary", f"hang:{tmp_path / 'diary'}", timeout_seconds=0.3)
    assert "diary_scraper.py" in (outcome.footprint.logs or "")
    assert "await asyncio.sleep(600)" in (outcome.footprint.logs or "")


async def test_an_initialize_that_hangs_is_cancelled_and_cleaned_up(tmp_path: Path) -> None:
    async with isolating({"INITIALIZE": "hang", "DIARY": str(tmp_path / "diary")}) as attempt:
        outcome = await attempt("Initialize", timeout_seconds=0.3)
    assert isinstance(outcome, Failed)
    assert outcome.failure.message == "timed out after 0.3 s"
    assert (tmp_path / "diary").read_text() == "cleanup"


async def test_one_that_ignores_its_cancellation_is_cleaned_up_all_the_same(attempt: Attempts, tmp_path: Path) -> None:
    outcome = await attempt("Diary", f"deaf, hang:{tmp_path / 'diary'}", timeout_seconds=0.3, cleanup_seconds=1.0)
    assert isinstance(outcome, Failed)
    assert outcome.failure.message == "timed out after 0.3 s"
    assert await entries(tmp_path / "diary") == ["scrape", "cancelled", "cleanup", "cleaned"]


@pytest.mark.parametrize(
    ("name", "argument", "file"),
    [("Blocking", "600", "blocking_scraper.py"), ("Looping", "PETR4", "looping_scraper.py")],
)
async def test_one_that_blocks_is_killed_and_the_error_names_its_line(
    attempt: Attempts, name: str, argument: str, file: str
) -> None:
    outcome = await attempt(name, argument, timeout_seconds=0.3, cleanup_seconds=0.3)
    assert isinstance(outcome, Failed)
    assert outcome.failure.failure_class is FailureClass.TIMEOUT
    assert outcome.failure.message.startswith("timed out after 0.3 s; its process did not react, and was killed, at ")
    assert f"{MISBEHAVING / 'scrapers' / file}:" in outcome.failure.message
    assert outcome.footprint.exit_signal == "SIGTERM"


async def test_an_initialize_that_blocks_is_killed() -> None:
    async with isolating({"INITIALIZE": "block"}) as attempt:
        outcome = await attempt("Initialize", timeout_seconds=0.3, cleanup_seconds=0.3)
    assert isinstance(outcome, Failed)
    assert "did not react" in outcome.failure.message


@pytest.mark.parametrize("words", ["hanging cleanup", "blocking cleanup"])
async def test_a_cleanup_that_never_ends_is_ended_and_the_result_stands(
    attempt: Attempts, tmp_path: Path, words: str
) -> None:
    outcome = await attempt("Diary", f"{words}:{tmp_path / 'diary'}", cleanup_seconds=0.3)
    assert isinstance(outcome, Completed)
    assert (tmp_path / "diary").read_text().split() == ["scrape", "cleanup"]


# --- stops -------------------------------------------------------------------------------------------------------


async def test_a_cancel_stops_a_scraper_and_lets_it_clean_up(attempt: Attempts, tmp_path: Path) -> None:
    stop, diary = stop_future(), tmp_path / "diary"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(attempt("Diary", f"hang:{diary}", stop=stop))
        await entries(diary)
        stop.set_result("cancel")
    outcome = running.result()
    assert isinstance(outcome, Stopped)
    assert outcome.reason == "cancel"
    assert await entries(diary) == ["scrape", "cancelled", "cleanup", "cleaned"]


async def test_a_cancel_ends_one_that_blocks_within_two_seconds_and_its_cleanup(attempt: Attempts) -> None:
    stop = stop_future()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(attempt("Looping", stop=stop, cleanup_seconds=1.0))
        await eventually(lambda: asyncio.sleep(0, _runners(attempt)), what="a runner")
        asked = time.monotonic()
        stop.set_result("cancel")
        outcome = await running
        took = time.monotonic() - asked
    assert isinstance(outcome, Stopped)
    assert ours_but_for_the_zygote(attempt) == []
    assert took < 1.0 + 2.0 + 10.0, "2 s on a machine that is not busy"


async def test_a_stop_before_anything_began_runs_nothing(attempt: Attempts, tmp_path: Path) -> None:
    stop = stop_future()
    stop.set_result("shutdown")
    outcome = await attempt("Diary", f"hang:{tmp_path / 'diary'}", stop=stop)
    assert isinstance(outcome, Stopped)
    assert not (tmp_path / "diary").exists()


async def test_a_result_that_came_before_the_stop_counts(attempt: Attempts, tmp_path: Path) -> None:
    stop, diary = stop_future(), tmp_path / "diary"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(attempt("Diary", f"hanging cleanup:{diary}", stop=stop, cleanup_seconds=1.0))
        await entries(diary, 2)
        stop.set_result("cancel")
    assert isinstance(running.result(), Completed)


async def test_an_attempt_whose_task_is_cancelled_leaves_nothing_alive(attempt: Attempts, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(attempt("Diary", f"hang:{diary}"))
        await entries(diary)
        running.cancel()
    await eventually(lambda: asyncio.sleep(0, ours_but_for_the_zygote(attempt)), lambda left: left == [])


# --- what is left running ----------------------------------------------------------------------------------------


async def test_children_that_ignore_sigterm_are_gone_with_the_attempt(attempt: Attempts, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    outcome = await attempt("DeafChild", str(file))
    assert isinstance(outcome, Completed)
    assert len(pids_in(file)) == 2
    assert alive(pids_in(file)) == []
    assert "2 processes were left running and are killed: python" in (outcome.footprint.logs or "")


async def test_children_that_ignore_sigterm_are_gone_after_a_timeout(attempt: Attempts, tmp_path: Path) -> None:
    for timeout_seconds in (1, 4, 16):
        file = tmp_path / f"pids after {timeout_seconds} s"
        outcome = await attempt("DeafChild", f"wait:{file}", timeout_seconds=timeout_seconds, cleanup_seconds=0.5)
        assert isinstance(outcome, Failed)
        assert alive(pids_in(file)) == []
        if len(pids_in(file)) == 2:
            return
    pytest.fail("the children did not start in time to be left behind")


@pytest.mark.parametrize("how", ["leave", "crash"])
async def test_a_daemon_is_gone_with_the_attempt(attempt: Attempts, tmp_path: Path, how: str) -> None:
    file = tmp_path / "pid"
    outcome = await attempt("Daemon", f"{how}:{file}")
    assert isinstance(outcome, Completed if how == "leave" else Killed)
    assert len(pids_in(file)) == 1
    assert alive(pids_in(file)) == []


async def test_a_daemon_is_gone_after_a_cancel(attempt: Attempts, tmp_path: Path) -> None:
    stop, file = stop_future(), tmp_path / "pid"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(attempt("Daemon", f"wait:{file}", stop=stop))
        await written(file)
        stop.set_result("cancel")
    assert isinstance(running.result(), Stopped)
    assert alive(pids_in(file)) == []


async def test_nothing_is_left_when_the_worker_closes_with_attempts_running(tmp_path: Path) -> None:
    files = [tmp_path / "daemon", tmp_path / "deaf"]
    async with isolating() as attempt, asyncio.TaskGroup() as group:
        running = [
            group.create_task(attempt("Daemon", f"wait:{files[0]}")),
            group.create_task(attempt("DeafChild", f"wait:{files[1]}")),
        ]
        pids = [*await written(files[0]), *await written(files[1], 2)]
        for task in running:
            task.cancel()
    assert alive(pids) == []
    assert ours() == []


def _runners(attempt: Attempts) -> int:
    return len(attempt.isolation._runners)


def ours_but_for_the_zygote(attempt: Attempts) -> list[tuple[int, str]]:
    """What lives of an attempt: not the zygote and what stands ready."""
    return [(pid, name) for pid, name in ours() if name not in ("pregao-zygote", "pregao-ready")]
