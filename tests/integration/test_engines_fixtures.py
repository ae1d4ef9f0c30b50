"""The fixtures that every other test stands on."""

from __future__ import annotations

import asyncpg
import redis.asyncio as redis_asyncio
from tests.builders import written_to_file

from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.connection import open_redis
from pregao.settings import Settings


async def test_the_shared_server_is_empty_but_for_its_generation(redis: redis_asyncio.Redis) -> None:
    assert await redis.keys("*") == [b"scraper:generation"]


async def test_the_shared_database_is_migrated(pool: asyncpg.Pool) -> None:
    tables = await pool.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")

    assert {"jobs", "job_attempts", "scraper_results", "schedule_executions"} <= {row["table_name"] for row in tables}


def test_settings_point_to_the_test_engines(settings: Settings, redis_url: str, database_url: str) -> None:
    assert settings.resolve_redis_url() == redis_url
    assert settings.resolve_database_url() == database_url


async def test_a_killed_private_valkey_keeps_its_data_and_url(valkey_server: Valkey) -> None:
    url = valkey_server.url
    async with open_redis(url) as client:
        await client.set("kept", "yes")
        await written_to_file(client)

    valkey_server.kill()
    valkey_server.start()

    async with open_redis(valkey_server.url) as client:
        assert (valkey_server.url, await client.get("kept")) == (url, b"yes")


async def test_a_killed_private_postgres_keeps_its_data_and_url(postgres_server: Postgres) -> None:
    url = postgres_server.url
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    await connection.close()

    postgres_server.kill()
    postgres_server.start()

    connection = await asyncpg.connect(postgres_server.url)
    assert (postgres_server.url, await connection.fetchval("SELECT one FROM kept")) == (url, 1)
    await connection.close()
