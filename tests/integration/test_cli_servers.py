"""`pregao migrate`, `recover` and the roles, against servers that the user named."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.running_system import run_pregao, unused_port

from pregao.embedded.home import Home
from pregao.queue.keys import Keys
from pregao.settings import RunFile
from pregao.store.migrations import shipped


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


async def test_migrate_answers_json(empty_database_url: str) -> None:
    first = run_pregao("migrate", "--json", DATABASE_URL=empty_database_url)
    second = run_pregao("migrate", "--json", DATABASE_URL=empty_database_url)

    assert json.loads(first.stdout)["applied"] == [migration.name for migration in shipped()]
    assert json.loads(second.stdout) == {"applied": []}


async def test_recover_answers_json(redis: redis_asyncio.Redis, redis_url: str, database_url: str) -> None:
    await redis.flushall()

    first = run_pregao("recover", "--json", REDIS_URL=redis_url, DATABASE_URL=database_url)
    second = run_pregao("recover", "--json", REDIS_URL=redis_url, DATABASE_URL=database_url)

    done = json.loads(first.stdout)
    assert (done["recovered"], done["cause"], done["jobs"], done["marks"]) == (True, "no marker", 0, 0)
    assert done["generation"] == int(await redis.get(Keys().generation) or 0)
    assert json.loads(second.stdout) == {"recovered": False}


def test_env_prints_the_addresses_of_a_system_for_a_shell_and_for_a_program(tmp_path: Path) -> None:
    urls = {"REDIS_URL": "unix:///run/x y.sock?db=0", "DATABASE_URL": "postgresql://p@/p?host=/run&port=5"}
    with Home(tmp_path):
        RunFile(pid=1, started_at="", redis_url=urls["REDIS_URL"], database_url=urls["DATABASE_URL"]).write(tmp_path)
        answered = run_pregao("env", "--json", PREGAO_HOME=str(tmp_path))
        exported = run_pregao("env", "--export", PREGAO_HOME=str(tmp_path))

    assert json.loads(answered.stdout) == urls
    shell = subprocess.run(
        ["sh", "-c", f'{exported.stdout}\nprintf "%s\\n%s" "$REDIS_URL" "$DATABASE_URL"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shell.stdout.splitlines() == list(urls.values())


@pytest.mark.parametrize("verb", ["migrate", "recover", "env"])
def test_an_error_with_json_is_a_problem_document(verb: str, tmp_path: Path) -> None:
    away = f"127.0.0.1:{unused_port()}"
    urls = {"REDIS_URL": f"redis://{away}/0", "DATABASE_URL": f"postgresql://x@{away}/x", "PREGAO_HOME": str(tmp_path)}

    done = run_pregao(verb, "--json", **urls)

    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr.splitlines()[-1])["exit_code"] == 1


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

    for verb in (
        "up",
        "scheduler",
        "worker",
        "api",
        "env",
        "migrate",
        "recover",
        "jobs",
        "queue",
        "schedules",
        "top",
        "doctor",
    ):
        assert f"  {verb} " in shown
