"""`pregao top` in a real terminal and in a pipe, against real engines."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis.asyncio as redis_async
from tests.builders import spec
from tests.running_jobs import claim, fail
from tests.running_system import SCHEDULES, run_pregao, unused_port, wait_until
from tests.terminals import InTerminal, in_terminal

from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.settings import Settings
from pregao.store.migrations import migrate
from pregao.store.pool import open_pool
from pregao.store.recorder import Recorder

ENTER, LEAVE, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


@pytest.fixture
def variables(settings: Settings, tmp_path: Path) -> dict[str, str]:
    schedules = tmp_path / "schedules.yaml"
    schedules.write_text(SCHEDULES)
    return {
        "REDIS_URL": settings.resolve_redis_url(),
        "DATABASE_URL": settings.resolve_database_url(),
        "PREGAO_HOME": str(tmp_path / "home"),
        "PREGAO_SCHEDULES": str(schedules),
    }


@contextmanager
def top(variables: dict[str, str], **size: int) -> Iterator[InTerminal]:
    with in_terminal(sys.executable, "-m", "pregao", "top", **size, **variables) as terminal:  # type: ignore[arg-type]
        yield terminal


@pytest.fixture
async def one_of_each(redis: redis_async.Redis, settings: Settings) -> list[str]:
    """Three jobs: one failed, one runs, one waits."""
    commands, jobs = QueueCommands(redis), [spec("B3", ticker) for ticker in ("FAIL3", "RUNS4", "WAIT5")]
    await commands.enqueue(jobs)
    [failing] = await claim(commands, job_id=jobs[0].id)
    await fail(commands, failing, error="no such ticker", error_class="not_found")
    await claim(commands, job_id=jobs[1].id)
    pool = await open_pool(settings.resolve_database_url())
    while await Recorder(redis, pool).step():
        pass
    await pool.close()
    return [job.id for job in jobs]


def test_one_frame_is_printed_where_there_is_no_terminal(variables: dict[str, str], one_of_each: list[str]) -> None:
    for arguments in ((), ("--once",)):
        done = run_pregao("top", *arguments, **variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.search(r"ready +0 +1 +0 +1", done.stdout)
        assert re.search(r"running +0 +1 +0 +1", done.stdout)
        assert re.search(r"\d+ s +B3 +RUNS4 +1 ", done.stdout)
        assert re.search(r"B3 +FAIL3 +1 +not_found +no such ticker", done.stdout)
        assert "hourly_rates" in done.stdout
        assert "\x1b" not in done.stdout


def test_a_frame_as_json_is_one_document(variables: dict[str, str], one_of_each: list[str]) -> None:
    done = run_pregao("top", "--json", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    frame = json.loads(done.stdout)
    assert frame["queue"]["ready"] == {"high": 0, "normal": 1, "low": 0, "total": 1}
    assert [(job["id"], job["ticker"]) for job in frame["running_jobs"]] == [(one_of_each[1], "RUNS4")]
    assert [(one["job_id"], one["error_class"]) for one in frame["failures"]] == [(one_of_each[0], "not_found")]
    assert frame["next_firings"][0]["schedule_name"] == "hourly_rates"


@pytest.mark.parametrize("away", ["REDIS_URL", "DATABASE_URL"])
def test_a_frame_that_lacks_a_server_says_so_and_exits_1(variables: dict[str, str], away: str) -> None:
    place = f"127.0.0.1:{unused_port()}"
    url = f"redis://{place}/0" if away == "REDIS_URL" else f"postgresql://x@{place}/x"
    done = run_pregao("top", "--json", **(variables | {away: url}))
    frame = json.loads(done.stdout)
    assert done.returncode == 1
    assert (frame["queue"] is None) == (away == "REDIS_URL")
    assert (frame["failures"] is None) == (away == "DATABASE_URL")
    assert f"check {away}" in frame["problems"][0]


def test_the_password_of_a_server_is_not_shown(variables: dict[str, str]) -> None:
    place = f"127.0.0.1:{unused_port()}"
    hidden = {"REDIS_URL": f"redis://:s3cret@{place}/0", "DATABASE_URL": f"postgresql://x:s3cret@{place}/x"}
    for arguments in (("--json",), ("--once",)):
        assert "s3cret" not in run_pregao("top", *arguments, **(variables | hidden)).stdout


def test_a_schedule_file_that_cannot_be_read_is_a_problem_and_no_crash(variables: dict[str, str]) -> None:
    Path(variables["PREGAO_SCHEDULES"]).write_text("schedules: [")
    frame = json.loads(run_pregao("top", "--json", **variables).stdout)
    assert any(problem.startswith("schedule file: ") and "is not YAML" in problem for problem in frame["problems"])


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda terminal: terminal.type("q"), id="q"),
        pytest.param(lambda terminal: terminal.type("\x03"), id="Ctrl-C"),
        pytest.param(lambda terminal: terminal.signal(signal.SIGTERM), id="SIGTERM"),
    ],
)
def test_it_runs_until_it_is_ended_and_gives_the_terminal_back(
    variables: dict[str, str], one_of_each: list[str], end: object
) -> None:
    with top(variables) as terminal:
        terminal.wait_for("RUNS4")
        assert terminal.attributes() != terminal.before
        assert callable(end)
        end(terminal)
        assert terminal.wait() == 0
        assert terminal.attributes() == terminal.before
        assert terminal.output.startswith(ENTER)
        assert terminal.output.rstrip().endswith(SHOW_CURSOR + LEAVE)
        assert "Traceback" not in terminal.output


def test_it_follows_what_happens(variables: dict[str, str], redis: redis_async.Redis) -> None:
    with top(variables) as terminal:
        terminal.wait_for("outbox")
        created = run_pregao("jobs", "create", "B3", "--priority", "low", **variables)
        assert created.returncode == 0, created.stderr
        terminal.wait_for("outbox     1 facts")


def test_it_adapts_to_the_size_of_the_window(variables: dict[str, str], one_of_each: list[str]) -> None:
    with top(variables, columns=80, rows=24) as terminal:
        terminal.wait_for("RUNS4")
        wait_until(lambda: [len(line) for line in terminal.screen.splitlines()] == [80] * 24, 30, "a full screen")
        terminal.resize(150, 50)
        terminal.wait_for(one_of_each[1])  # ids are for wide windows
        terminal.type("q")
        assert terminal.wait() == 0


def test_a_suspended_one_gives_the_terminal_back_and_takes_it_again(variables: dict[str, str]) -> None:
    with top(variables) as terminal:
        terminal.wait_for("outbox")
        terminal.signal(signal.SIGTSTP)
        terminal.wait_for(LEAVE)
        assert terminal.attributes() == terminal.before
        terminal.forget()
        terminal.signal(signal.SIGCONT)
        terminal.wait_for(ENTER)
        terminal.wait_for("outbox")
        terminal.type("q")
        assert terminal.wait() == 0


def test_it_shows_that_redis_went_away_and_came_back(variables: dict[str, str], valkey_server: Valkey) -> None:
    with top(variables | {"REDIS_URL": valkey_server.url}) as terminal:
        terminal.wait_for("outbox")
        valkey_server.kill()
        terminal.wait_for("Redis cannot be reached")
        terminal.forget()
        valkey_server.start()
        terminal.wait_for("outbox")
        assert "cannot be reached" not in terminal.screen
        terminal.type("q")
        assert terminal.wait() == 0


def test_it_shows_that_redis_hangs_and_still_obeys(variables: dict[str, str], valkey_server: Valkey) -> None:
    with top(variables | {"REDIS_URL": valkey_server.url}) as terminal:
        terminal.wait_for("outbox")
        valkey_server.process.send(signal.SIGSTOP)
        terminal.wait_for("Redis did not answer within 2 s")
        terminal.type("q")
        assert terminal.wait() == 0
        valkey_server.process.send(signal.SIGCONT)


def test_it_shows_that_postgresql_went_away_and_came_back(variables: dict[str, str], postgres_server: Postgres) -> None:
    asyncio.run(migrate(postgres_server.private_url))
    with top(variables | {"DATABASE_URL": postgres_server.url}) as terminal:
        terminal.wait_for("outbox")
        postgres_server.kill()
        terminal.wait_for("PostgreSQL cannot be reached")
        terminal.forget()
        postgres_server.start()
        terminal.wait_for("● PostgreSQL")
        terminal.type("q")
        assert terminal.wait() == 0
