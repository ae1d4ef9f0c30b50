"""A process that starts while the file of limits is broken: the last good file is in force, and it says so."""

from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.diagnosis import Diagnosis
from tests.limiting import SomeNames, written
from tests.running_system import run_pregao

from pregao.api.health import examine
from pregao.api.scraper_actions import ScraperActions
from pregao.doctor.limits import look_at_limits
from pregao.domain.clock import ManualClock
from pregao.limits.live import LiveLimits
from pregao.limits.publish import publish_limits
from pregao.queue.commands import QueueCommands
from pregao.runtime import open_runtime
from pregao.settings import Settings

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOUND = "scrapers: {B3: {timeout_seconds: 20, concurrency: 2, rate: 30/min}}"
TORN = "scrapers:\n  B3: {timeout_seconds: 20\n  BCB: [\n"


def started(settings: Settings) -> LiveLimits:
    """The limits of a process that starts now."""
    limits = LiveLimits(settings, SomeNames(), clock=ManualClock(AT))
    limits.load()
    return limits


def put(directory: Path, text: str | None) -> None:
    if text is None:
        (directory / "scrapers.yaml").unlink()
    else:
        written(directory, text)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (TORN, "has an error at line "),
        ("scrapers:\n  B3: {timeout_seconds: soon}\n", "has an error at line 2"),
        ("", "is empty now"),
        (None, "does not exist any more"),
    ],
)
async def test_a_start_with_a_broken_file_has_the_last_good_one_and_says_so(
    settings: Settings, tmp_path: Path, broken: str | None, told: str
) -> None:
    put(tmp_path, SOUND)
    assert started(settings).complete
    put(tmp_path, broken)
    limits = started(settings)
    assert (limits.of("B3").timeout_seconds, limits.of("B3").concurrency) == (20, 2)
    assert (limits.stands_in, limits.complete) == (True, False)
    assert limits.in_force is not None
    assert limits.in_force.startswith(f"{tmp_path}/scrapers.yaml {told}")
    assert "; the last good one of 20" in limits.in_force
    assert limits.problems[-1] == limits.in_force
    assert len(limits.problems) >= 2, "and what is wrong with the file"
    put(tmp_path, SOUND.replace("20", "250"))
    await limits.look()
    assert (limits.of("B3").timeout_seconds, limits.complete, limits.in_force, limits.problems) == (250, True, None, [])


async def test_what_was_edited_and_read_is_what_the_next_start_has(settings: Settings, tmp_path: Path) -> None:
    put(tmp_path, SOUND)
    clock = ManualClock(AT)
    limits = LiveLimits(settings, SomeNames(), clock=clock)
    limits.load()
    for text in (SOUND.replace("20", "250"), TORN):
        put(tmp_path, text)
        clock.advance(timedelta(seconds=3))
        await limits.look()
    assert limits.in_force is not None
    assert limits.in_force.endswith("; what was read before is in force")
    assert started(settings).of("B3").timeout_seconds == 250


def test_the_copy_is_its_owners_alone_and_that_of_one_path(settings: Settings, tmp_path: Path) -> None:
    put(tmp_path, SOUND)
    started(settings)
    [copy] = (settings.home / "limits").iterdir()
    assert (stat.S_IMODE(copy.stat().st_mode), copy.read_text()) == (0o600, SOUND)
    (tmp_path / "other").mkdir()
    put(tmp_path / "other", TORN)
    other = started(settings.model_copy(update={"scrapers_file": tmp_path / "other" / "scrapers.yaml"}))
    assert not other.stands_in
    assert other.of("B3").concurrency is None


def test_a_file_with_a_problem_and_a_blank_one_are_not_kept(settings: Settings, tmp_path: Path) -> None:
    for text in ("", "scrapers: {B3: {timeout_seconds: soon}}", TORN):
        put(tmp_path, text)
        assert not started(settings).stands_in
    assert not (settings.home / "limits").exists()


def test_a_home_that_cannot_be_written_keeps_nobody_from_starting(settings: Settings, tmp_path: Path) -> None:
    put(tmp_path, SOUND)
    (tmp_path / "no-directory").write_text("")
    limits = started(settings.model_copy(update={"pregao_home": tmp_path / "no-directory"}))
    assert (limits.of("B3").timeout_seconds, limits.problems) == (20, [])


@pytest.mark.parametrize("kept", [True, False])
async def test_a_worker_with_a_broken_file_overwrites_no_rule_of_others(
    settings: Settings, queue: QueueCommands, tmp_path: Path, kept: bool
) -> None:
    if kept:
        put(tmp_path, SOUND.replace("concurrency: 2", "concurrency: 9"))
        started(settings)
    (tmp_path / "sound").mkdir()
    put(tmp_path / "sound", SOUND)
    sound = settings.model_copy(
        update={"scrapers_file": tmp_path / "sound" / "scrapers.yaml", "pregao_home": tmp_path / "sound"}
    )
    await publish_limits(queue, started(sound), "sound", ["B3"])
    before = await queue.control_fields()
    assert (before["cap:scraper:b3"], before["rate:scraper:b3"]) == ("2", "30/60000")
    put(tmp_path, TORN)
    await publish_limits(queue, started(settings), "broken", ["B3"])
    assert await queue.control_fields() == before


async def test_health_the_doctor_and_the_api_say_what_is_in_force(settings: Settings, tmp_path: Path) -> None:
    put(tmp_path, SOUND)
    started(settings)
    put(tmp_path, TORN)
    told = started(settings).in_force
    assert told is not None
    async with open_runtime(settings) as runtime:
        assert f"limits: {told}" in (await examine(runtime))["problems"]
        shown = await ScraperActions(runtime).one("B3")
        assert (shown["file_in_force"], shown["limits"]["timeout_seconds"]["value"]) == (told, 20)
    Diagnosis([finding async for finding in look_at_limits(settings)]).the("limits", "warning", told)
    variables = {
        "REDIS_URL": settings.resolve_redis_url(),
        "DATABASE_URL": settings.resolve_database_url(),
        "PREGAO_HOME": str(settings.home),
        "PREGAO_SCRAPERS_FILE": str(settings.scrapers_file),
    }
    done = await asyncio.to_thread(run_pregao, "scrapers", "show", "B3", **variables)
    assert f"note: {told}" in done.stderr
