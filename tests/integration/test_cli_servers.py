"""`pregao migrate`, `recover` and the roles, against servers that the user named."""

from __future__ import annotations

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.running_system import run_pregao, unused_port

from pregao.queue.keys import Keys


async def test_migrate_makes_the_tables_and_says_what_it_did(empty_database_url: str) -> None:
    first = run_pregao("migrate", DATABASE_URL=empty_database_url)
    second = run_pregao("migrate", DATABASE_URL=empty_database_url)

    assert "applied 0001" in first.stdout
    assert second.stdout == "nothing to apply: the database is up to date\n"
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT count(*) FROM scraper_results") == 0
    await connection.close()


async def test_recover_gives_an_emptied_redis_its_generation_back(
    redis: redis_asyncio.Redis, redis_url: str, database_url: str
) -> None:
    await redis.flushall()

    first = run_pregao("recover", REDIS_URL=redis_url, DATABASE_URL=database_url)
    second = run_pregao("recover", REDIS_URL=redis_url, DATABASE_URL=database_url)

    assert "0 unfinished jobs" in first.stdout
    assert second.stdout == "nothing to recover: Redis and PostgreSQL agree\n"
    assert await redis.exists(Keys().generation)


@pytest.mark.parametrize("verb", ["migrate", "recover"])
def test_a_server_that_is_away_is_an_error_with_the_variable_to_look_at(verb: str) -> None:
    away = f"127.0.0.1:{unused_port()}"

    done = run_pregao(verb, REDIS_URL=f"redis://{away}/0", DATABASE_URL=f"postgresql://x@{away}/x")

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "DATABASE_URL" in done.stderr or "REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_lists_every_group_of_verbs() -> None:
    shown = run_pregao("--help").stdout

    for verb in ("up", "scheduler", "worker", "api", "env", "migrate", "recover", "jobs", "queue", "schedules"):
        assert f"  {verb} " in shown
