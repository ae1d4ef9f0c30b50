"""Limits as they change under a running process: the file, the overrides, and what holds when either cannot be read."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.builders import eventually
from tests.limiting import SomeNames, written

from pregao.domain.clock import ManualClock
from pregao.domain.failure import FailureClass, failure
from pregao.embedded.postgres import Postgres
from pregao.limits.disabled import ScraperDisabled
from pregao.limits.live import LiveLimits, following_limits
from pregao.limits.rate import Rate
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.store.history import History
from pregao.store.migrations import migrate
from pregao.store.scraper_overrides import ScraperOverrides

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
A_WHILE = timedelta(seconds=3)
SHIPPED = Path(__file__).resolve().parents[2] / "config" / "scrapers.yaml"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


@pytest.fixture
def limits(settings: Settings, clock: ManualClock) -> LiveLimits:
    return LiveLimits(settings, SomeNames(), clock=clock)


@pytest.fixture
def overrides(pool: asyncpg.Pool) -> ScraperOverrides:
    return ScraperOverrides(pool)


async def change(overrides: ScraperOverrides, who: str = "ana", **changes: Any) -> list[str]:
    return await overrides.change("b3", "B3", changes, who=who, at=AT)


def with_variables(settings: Settings, file: Path | None, **environ: str) -> Settings:
    named = {} if file is None else {"PREGAO_SCRAPERS_FILE": str(file)}
    environ = {"DATABASE_URL": settings.resolve_database_url(), **named, **environ}
    return Settings.load(None, environ=environ, pregao_home=settings.pregao_home)


async def test_the_file_that_was_edited_holds_once_it_is_at_rest(limits: LiveLimits, tmp_path: Path) -> None:
    written(tmp_path, "scrapers: {B3: {timeout_seconds: 20}}")
    await limits.look()
    assert limits.of("b3").timeout_seconds == 20
    before = limits.version
    written(tmp_path, "scrapers: {B3: {timeout_seconds: 250}}")
    await limits.look(at_rest=True)
    assert limits.of("B3").timeout_seconds == 20, "somebody may still be writing"
    await limits.look(at_rest=True)
    assert (limits.of("B3").timeout_seconds, limits.version) == (250, before + 1)
    await limits.look(at_rest=True)
    assert limits.version == before + 1


async def test_who_is_asked_now_and_then_looks_once_a_second(
    limits: LiveLimits, clock: ManualClock, tmp_path: Path
) -> None:
    written(tmp_path, "scrapers: {B3: {timeout_seconds: 20}}")
    await limits.look()
    written(tmp_path, "scrapers: {B3: {timeout_seconds: 250}}")
    await limits.look()
    assert limits.of("B3").timeout_seconds == 20
    clock.advance(timedelta(seconds=1))
    await limits.look()
    assert limits.of("B3").timeout_seconds == 250


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("scrapers: {B3: {timeout_seconds: soon}}", "timeout_seconds"),
        ("scrapers: {B3: {timeout_secs: 4}}", "did you mean timeout_seconds?"),
        ("scrapers: [", "is not YAML"),
        ("", "is empty now"),
        ("# nothing\n", "is empty now"),
        (None, "does not exist any more"),
    ],
)
async def test_a_broken_edit_keeps_what_held_and_is_told(
    limits: LiveLimits, clock: ManualClock, tmp_path: Path, broken: str | None, told: str
) -> None:
    sound = "scrapers: {B3: {timeout_seconds: 20}}"
    path = written(tmp_path, sound)
    await limits.look()
    if broken is None:
        path.unlink()
    else:
        written(tmp_path, broken)
    clock.advance(A_WHILE)
    await limits.look()
    assert limits.of("B3").timeout_seconds == 20
    assert any(told in problem for problem in limits.problems), limits.problems
    written(tmp_path, sound + "  # mended")
    clock.advance(A_WHILE)
    await limits.look()
    assert limits.problems == []


async def test_limits_that_are_taken_away_on_purpose_are_gone(
    limits: LiveLimits, clock: ManualClock, tmp_path: Path
) -> None:
    written(tmp_path, "scrapers: {B3: {timeout_seconds: 20}}")
    await limits.look()
    written(tmp_path, "scrapers: {}")
    clock.advance(A_WHILE)
    await limits.look()
    assert (limits.settings_of("B3")["timeout_seconds"].source, limits.problems) == ("built in", [])


async def test_a_file_that_is_broken_from_the_start_holds_as_far_as_it_is_sound(
    limits: LiveLimits, tmp_path: Path
) -> None:
    written(tmp_path, "scrapers: {B3: {timeout_seconds: 20, max_retries: many}, Investidor10: {timeout_seconds: 30}}")
    limits.load()
    assert limits.of("Investidor10").timeout_seconds == 30
    assert not limits.complete
    assert len(limits.problems) == 1


async def test_no_file_is_fine_unless_a_variable_names_it(settings: Settings, tmp_path: Path) -> None:
    unnamed = with_variables(settings, None)
    unnamed = unnamed.model_copy(update={"scrapers_file": tmp_path / "none.yaml"})
    unnamed.model_fields_set.discard("scrapers_file")
    nobody_wrote = LiveLimits(unnamed, SomeNames())
    nobody_wrote.load()
    assert nobody_wrote.problems == []
    named = LiveLimits(with_variables(settings, tmp_path / "none.yaml"), SomeNames())
    named.load()
    assert named.problems == [f"{tmp_path}/none.yaml does not exist; PREGAO_SCRAPERS_FILE names it"]
    assert named.of("B3").enabled


async def test_variables_lose_against_the_file_and_win_against_what_is_built_in(
    settings: Settings, tmp_path: Path
) -> None:
    file = written(tmp_path, "scrapers: {B3: {timeout_seconds: 20}}")
    environ = {"SCRAPER_TIMEOUT": "45000", "SCRAPER_MEMORY_MB": "0", "SCRAPER_CPU_SECONDS": "9"}
    limits = LiveLimits(with_variables(settings, file, **environ), SomeNames())
    limits.load()
    told = {key: (one.value, one.source, one.detail) for key, one in limits.settings_of("Investidor10").items()}
    assert told["timeout_seconds"] == (45.0, "environment", "SCRAPER_TIMEOUT")
    assert told["memory_mb"] == (None, "environment", "SCRAPER_MEMORY_MB")
    assert told["cpu_seconds"] == (9, "environment", "SCRAPER_CPU_SECONDS")
    assert told["max_retries"] == (3, "built in", None)
    assert limits.of("B3").timeout_seconds == 20


async def test_a_change_holds_within_seconds_and_until_it_is_taken_back(
    limits: LiveLimits, overrides: ScraperOverrides, clock: ManualClock, tmp_path: Path
) -> None:
    written(tmp_path, "scrapers: {B3: {rate: 30/min}}")
    await limits.look()
    await change(overrides, rate="10/min")
    await limits.look(at_rest=True)
    assert limits.of("B3").rate == Rate(30, 60_000), "it asks every two seconds only"
    clock.advance(timedelta(seconds=2))
    await limits.look(at_rest=True)
    setting = limits.settings_of("B3")["rate"]
    assert (setting.value, setting.source, setting.detail) == (
        Rate(10, 60_000),
        "override",
        "ana, 2026-11-24T09:00:00.000-03:00",
    )
    await change(overrides, rate=None)
    await limits.read_overrides()
    assert limits.settings_of("B3")["rate"].source == "file"


async def test_what_is_changed_is_seen_by_every_process_that_follows(
    settings: Settings, overrides: ScraperOverrides
) -> None:
    followers = [LiveLimits(settings, SomeNames()) for _ in range(2)]

    async def still_enabled() -> list[LiveLimits]:
        return [follower for follower in followers if follower.of("B3").enabled]

    async with following_limits(followers[0]), following_limits(followers[1]):
        await change(overrides, enabled=False)
        await eventually(still_enabled, lambda seen: not seen, what="taking over the change")
    with pytest.raises(ScraperDisabled, match="ana, 2026-11-24"):
        followers[0].check_enabled("b3")
    followers[0].check_enabled("Investidor10")


async def test_while_postgresql_is_away_the_changes_that_were_read_last_hold(
    postgres_server: Postgres, settings: Settings, clock: ManualClock
) -> None:
    await migrate(postgres_server.private_url)
    settings = settings.model_copy(update={"database_url": postgres_server.private_url})
    limits = LiveLimits(settings, SomeNames(), clock=clock)
    await execute(
        postgres_server, "INSERT INTO scraper_overrides VALUES ('b3', 'B3', 'max_retries', '7', 'ana', now())"
    )
    await limits.look()
    assert (limits.of("B3").max_retries, limits.unread) == (7, None)
    postgres_server.kill()
    clock.advance(A_WHILE)
    await limits.look()
    assert (limits.of("B3").max_retries, limits.unread) == (7, None)
    postgres_server.start()
    await execute(postgres_server, "UPDATE scraper_overrides SET value = '8'")
    clock.advance(A_WHILE)
    await limits.look()
    assert limits.of("B3").max_retries == 8
    limits.close()


async def execute(server: Postgres, statement: str) -> None:
    connection = await asyncpg.connect(server.private_url)
    await connection.execute(statement)
    await connection.close()


async def test_a_process_that_starts_without_postgresql_has_the_file_and_says_what_it_does_not_know(
    settings: Settings, tmp_path: Path, unused_tcp_port: int
) -> None:
    away = f"postgresql://x@127.0.0.1:{unused_tcp_port}/x"
    written(tmp_path, "scrapers: {B3: {max_retries: 7}}")
    limits = LiveLimits(settings.model_copy(update={"database_url": away}), SomeNames())
    await limits.look()
    assert limits.of("B3").max_retries == 7
    assert limits.unread is not None
    assert "PostgreSQL" in limits.unread


async def test_an_override_that_cannot_be_used_is_left_out_and_told_with_its_cure(
    limits: LiveLimits, overrides: ScraperOverrides
) -> None:
    await change(overrides, max_retries="many", gone=4, timeout_seconds=20)
    await limits.look()
    assert (limits.of("B3").max_retries, limits.of("B3").timeout_seconds) == (3, 20)
    assert len(limits.problems) == 2
    assert all("pregao scrapers unset 'B3'" in problem for problem in limits.problems)


async def test_the_names_of_the_file_are_resolved_again_when_scrapers_come(
    settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    names = SomeNames("B3")
    limits = LiveLimits(settings, names, clock=clock)
    written(tmp_path, "scrapers: {investidor 10: {max_retries: 9}}")
    await limits.look()
    assert len(limits.layers.file.warnings) == 1
    names.names, names.version = ("B3", "Investidor10"), 2
    clock.advance(A_WHILE)
    await limits.look()
    assert limits.layers.file.warnings == []
    assert limits.of("Investidor10").max_retries == 9


async def test_what_becomes_of_a_failure_is_as_the_policy_says_now(
    limits: LiveLimits, clock: ManualClock, tmp_path: Path
) -> None:
    network, timeout = failure(FailureClass.NETWORK, "refused"), failure(FailureClass.TIMEOUT, "too long")
    await limits.look()
    assert limits.next_step("B3", network, retry_count=0, attempt=1).retryable
    written(tmp_path, "scrapers: {B3: {failure_policy: {network: fail}, backoff: {base_seconds: 5}}}")
    clock.advance(A_WHILE)
    await limits.look()
    assert not limits.next_step("B3", network, retry_count=0, attempt=1).retryable
    assert limits.next_step("B3", timeout, retry_count=0, attempt=1).delay_ms == 5_000


async def test_a_change_is_kept_with_who_when_before_and_after(overrides: ScraperOverrides, pool: asyncpg.Pool) -> None:
    assert await change(overrides, rate="10/min", enabled=False) == ["rate", "enabled"]
    assert await change(overrides, "rui", rate="5/min", enabled=False) == ["rate"]
    assert await overrides.change("b3", "B3", {"rate": None}, who="eva", at=AT, why="as it was") == ["rate"]
    [kept] = await overrides.all()
    assert (kept.scraper, kept.name, kept.key, kept.value, kept.changed_by) == ("b3", "B3", "enabled", False, "ana")
    told = [
        (one["who"], one["what"], one["before"], one["after"], one["detail"])
        for one in await History(pool).audit(scraper="b3")
    ]
    assert told == [
        ("eva", "limit:scraper:b3:rate", "5/min", None, "as it was"),
        ("rui", "limit:scraper:b3:rate", "10/min", "5/min", None),
        ("ana", "limit:scraper:b3:enabled", None, False, None),
        ("ana", "limit:scraper:b3:rate", None, "10/min", None),
    ]
    assert await History(pool).audit(scraper="bcb") == []


async def test_a_change_that_cannot_be_made_as_a_whole_is_not_made_at_all(
    overrides: ScraperOverrides, pool: asyncpg.Pool
) -> None:
    await pool.execute("ALTER TABLE scraper_overrides ADD CHECK (key <> 'canary')")
    with pytest.raises(asyncpg.CheckViolationError):
        await change(overrides, rate="10/min", canary="PETR4")
    assert await overrides.all() == []
    assert await History(pool).audit() == []


async def test_of_those_who_change_the_same_at_once_each_sees_what_the_one_before_left(
    overrides: ScraperOverrides, pool: asyncpg.Pool
) -> None:
    await asyncio.gather(*(change(overrides, f"user {number}", max_retries=number) for number in range(1, 9)))
    entries = list(reversed(await History(pool).audit()))
    assert [entry["before"] for entry in entries] == [None, *(entry["after"] for entry in entries[:-1])]
    assert [one.value for one in await overrides.all()] == [entries[-1]["after"]]


async def test_the_limits_that_are_shipped_are_sound_and_speak_of_every_source(
    settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(SHIPPED, tmp_path / "scrapers.yaml")
    registry = await asyncio.to_thread(Registry.load, settings)
    limits = LiveLimits(settings, registry)
    limits.load()
    assert (limits.problems, limits.layers.file.warnings) == ([], [])
    sources = {entry.name for entry in registry.entries()}
    assert set(limits.layers.names().values()) == sources
