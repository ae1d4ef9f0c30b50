"""Migrations: each once, whole or not at all, in any number of processes, and never a changed one."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from pregao.domain.errors import MigrationMismatch, StoreError, StoreUnavailable
from pregao.store.migrations import Migration, MigrationState, compare, migrate, shipped

ONE = Migration("0001_one", "CREATE TABLE one (id integer)", "a")
TWO = Migration("0002_two", "CREATE TABLE two (id integer); INSERT INTO two VALUES (1)", "b")


async def tables(database_url: str) -> set[str]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


async def test_a_new_database_gets_every_table(empty_database_url: str) -> None:
    names = [migration.name for migration in shipped()]
    assert await compare(empty_database_url) == MigrationState(missing=names, unknown=[], changed=[])
    assert await migrate(empty_database_url) == names
    assert await tables(empty_database_url) == {
        "jobs", "job_attempts", "scraper_results", "schedule_executions", "schedules", "audit_log",
        "controls", "scraper_overrides",
        "queue_generation", "schema_migrations",
    }  # fmt: skip


async def test_a_second_run_does_nothing(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    assert await migrate(empty_database_url) == []
    assert await compare(empty_database_url) == MigrationState(missing=[], unknown=[], changed=[])


async def test_processes_that_migrate_at_once_apply_each_file_once(empty_database_url: str) -> None:
    applied = await asyncio.gather(*[migrate(empty_database_url, [ONE, TWO]) for _ in range(5)])
    assert sorted(sum(applied, [])) == ["0001_one", "0002_two"]  # noqa: RUF017


async def test_a_new_file_is_applied_after_those_before_it(empty_database_url: str) -> None:
    assert await migrate(empty_database_url, [ONE]) == ["0001_one"]
    assert (await compare(empty_database_url, [ONE, TWO])).missing == ["0002_two"]
    assert await migrate(empty_database_url, [ONE, TWO]) == ["0002_two"]


async def test_a_faulty_file_leaves_nothing_behind_and_is_named(empty_database_url: str) -> None:
    faulty = Migration("0002_bad", "CREATE TABLE half (id integer); CREATE TABEL typo ()", "c")
    with pytest.raises(StoreError, match="0002_bad does not apply: syntax error"):
        await migrate(empty_database_url, [ONE, faulty])
    assert await tables(empty_database_url) == {"one", "schema_migrations"}


async def test_an_applied_file_that_was_changed_is_refused(empty_database_url: str) -> None:
    await migrate(empty_database_url, [ONE])
    changed = Migration(ONE.name, "CREATE TABLE other (id integer)", "other")
    with pytest.raises(MigrationMismatch, match="0001_one was applied with other contents"):
        await migrate(empty_database_url, [changed, TWO])
    assert await compare(empty_database_url, [changed, TWO]) == MigrationState(["0002_two"], [], ["0001_one"])


async def test_a_database_of_a_newer_version_is_refused(empty_database_url: str) -> None:
    await migrate(empty_database_url, [ONE, TWO])
    with pytest.raises(MigrationMismatch, match="0002_two is applied to this database but is not part"):
        await migrate(empty_database_url, [ONE])
    assert (await compare(empty_database_url, [ONE])).unknown == ["0002_two"]


async def test_an_unreachable_server_is_store_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="check DATABASE_URL"):
        await migrate("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        ("status = 'lost'", "jobs_status_is_known"),
        ("status = 'retry'", "jobs_wait_for_a_retry_with_a_due_time"),
        ("due_at = now()", "jobs_wait_for_a_retry_with_a_due_time"),
        ("status = 'completed'", "jobs_end_with_a_time"),
        ("completed_at = now()", "jobs_end_with_a_time"),
        ("status = 'failed', completed_at = now()", "jobs_fail_with_an_error"),
        ("status = 'completed', completed_at = now(), error = 'x'", "jobs_complete_without_error"),
        ("priority = 'urgent'", "jobs_priority_is_known"),
        ("attempt = -1", "jobs_count_from_zero"),
        ("scraper_name = ''", "jobs_name_a_scraper"),
        ("timeout_seconds = 0", "jobs_timeout_is_positive"),
        ("metadata = '[]'", "jobs_metadata_is_an_object"),
    ],
)
async def test_a_job_that_cannot_be_has_no_row(pool: asyncpg.Pool, row: str, constraint: str) -> None:
    await pool.execute(
        "INSERT INTO jobs (job_id, scraper_name, priority, status, max_retries, created_at, generation, version, "
        "attempt, retry_count, lost_count, updated_at) "
        "VALUES (gen_random_uuid(), 'B3', 'low', 'pending', 3, now(), 1, 1, 0, 0, 0, now())"
    )
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await pool.execute(f"UPDATE jobs SET {row}")
    assert caught.value.constraint_name == constraint
