"""`pregao jobs` and `pregao queue`: what a terminal and a script get, and the exit codes."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.builders import eventually
from tests.heartbeats import beat
from tests.running_jobs import claim, complete, fail

from pregao.cli.main import run
from pregao.domain.footprint import Footprint
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.keys import Keys
from pregao.queue.views import WorkerFacts
from pregao.settings import Settings
from pregao.store.pool import open_pool
from pregao.store.recorder import Recorder


class Shell:
    """Runs `pregao …` in this process and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
        self._capsys = capsys
        self._settings = settings
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: str) -> int:
        """The exit code."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run(arguments)
        self.out, self.err = self._capsys.readouterr()
        code = ended.value.code
        return code if isinstance(code, int) else 0

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What `--json` prints."""
        assert self(*arguments, "--json") == code, self.err
        return json.loads(self.out)

    def create(self, *arguments: str) -> str:
        """Create a job; its id."""
        assert self("jobs", "create", "B3", "--ticker", "PETR4", *arguments) == 0, self.err
        return self.out.strip()

    def on_the_queue(self, do: Callable[[QueueCommands], Awaitable[object]]) -> None:
        """Do something on the queue, as a worker would, and record it."""
        asyncio.run(self._on_the_queue(do))

    async def _on_the_queue(self, do: Callable[[QueueCommands], Awaitable[object]]) -> None:
        redis = open_redis(self._settings.resolve_redis_url())
        pool = await open_pool(self._settings.resolve_database_url())
        try:
            await do(QueueCommands(redis))
            while await Recorder(redis, pool).step():
                pass
        finally:
            await pool.close()
            await redis.aclose()


@pytest.fixture
def pregao(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", settings.resolve_redis_url())
    monkeypatch.setenv("DATABASE_URL", settings.resolve_database_url())
    monkeypatch.setenv("PREGAO_HOME", str(tmp_path / "home"))
    return Shell(capsys, settings)


async def completed(commands: QueueCommands, job_id: str) -> None:
    [held] = await claim(commands, job_id=job_id)
    await complete(commands, held, {"price": 38.5})


async def failed(commands: QueueCommands, job_id: str, *, retryable: bool = False, **report: Any) -> None:
    [held] = await claim(commands, job_id=job_id)
    await fail(commands, held, retryable=retryable, **report)


def test_create_prints_the_id_of_a_job_that_is_then_shown_and_listed(pregao: Shell) -> None:
    job_id = pregao.create("--priority", "HIGH", "--max-retries", "1", "--metadata", '{"asked_by": "me"}')
    job = pregao.json("jobs", "show", job_id)
    assert (job["id"], job["status"], job["priority"], job["max_retries"]) == (job_id, "pending", "high", 1)
    assert (job["metadata"], job["attempts"]) == ({"asked_by": "me"}, [])
    page = pregao.json("jobs", "list")
    assert ([one["id"] for one in page["jobs"]], page["total"]) == ([job_id], 1)


def test_tables_show_jobs_in_the_market_s_time(pregao: Shell) -> None:
    job_id = pregao.create()
    created_at = pregao.json("jobs", "show", job_id)["created_at"]
    shown_time = created_at[:19].replace("T", " ")
    assert pregao("jobs", "list") == 0
    assert job_id in pregao.out
    assert shown_time in pregao.out
    assert "page 1 of 1, 1 jobs" in pregao.out
    assert pregao("jobs", "show", job_id) == 0
    assert shown_time in pregao.out


def test_show_tells_attempts_with_their_errors(pregao: Shell) -> None:
    job_id = pregao.create()
    pregao.on_the_queue(lambda commands: failed(commands, job_id))
    [attempt] = pregao.json("jobs", "show", job_id)["attempts"]
    assert (attempt["outcome"], attempt["error"], attempt["error_class"]) == ("failed", "it broke", "error")
    assert pregao("jobs", "show", job_id) == 0
    assert "it broke" in pregao.out


def test_logs_prints_what_each_attempt_said(pregao: Shell) -> None:
    job_id = pregao.create()
    pregao.on_the_queue(lambda commands: failed(commands, job_id, retryable=True, footprint=Footprint(logs="one\n")))
    pregao.on_the_queue(
        lambda commands: failed(commands, job_id, footprint=Footprint(logs="two", peak_memory_mb=812.4))
    )
    assert pregao("jobs", "logs", job_id) == 0
    lines = pregao.out.splitlines()
    assert [line.partition(", ")[0] for line in lines] == ["--- attempt 1", "one", "--- attempt 2", "two"]
    assert pregao("jobs", "logs", job_id, "--attempt", "2") == 0
    assert pregao.out.splitlines()[1:] == ["two"]
    [told] = pregao.json("jobs", "logs", job_id, "--attempt", "1")
    assert (told["attempt"], told["outcome"], told["logs"]) == (1, "failed", "one\n")
    assert pregao("jobs", "show", job_id) == 0
    assert "812.4" in pregao.out
    assert f"what was printed: pregao jobs logs {job_id}" in pregao.out


def test_logs_of_an_attempt_that_is_not_recorded_are_an_error(pregao: Shell) -> None:
    job_id = pregao.create()
    assert pregao("jobs", "logs", job_id) == 1
    assert "has no such attempt that ended and is recorded" in pregao.err
    assert pregao("jobs", "logs", str(uuid.uuid4())) == 1
    assert "no job" in pregao.err


def test_list_filters_as_the_api_does(pregao: Shell) -> None:
    kept, other = pregao.create(), pregao.create()
    pregao.on_the_queue(lambda commands: completed(commands, other))
    page = pregao.json("jobs", "list", "--status", "pending", "--scraper", "b3", "--ticker", "PETR4")
    assert [one["id"] for one in page["jobs"]] == [kept]


def test_cancel_tells_what_came_of_it(pregao: Shell) -> None:
    waiting, running = pregao.create(), pregao.create()
    assert pregao("jobs", "cancel", waiting) == 0
    assert "cancelled" in pregao.out
    pregao.on_the_queue(lambda commands: claim(commands, job_id=running))
    assert pregao.json("jobs", "cancel", running)["cancel_requested"] is True
    assert pregao("jobs", "cancel", waiting) == 1
    assert "is cancelled" in pregao.err


def test_retry_prints_the_successor_of_a_failed_job(pregao: Shell) -> None:
    job_id = pregao.create()
    pregao.on_the_queue(lambda commands: failed(commands, job_id))
    assert pregao("jobs", "retry", job_id) == 0
    assert pregao.json("jobs", "show", pregao.out.strip())["retried_from"] == job_id


def test_retry_makes_a_waiting_job_due(pregao: Shell) -> None:
    job_id = pregao.create()
    pregao.on_the_queue(lambda commands: failed(commands, job_id, retryable=True))
    job = pregao.json("jobs", "retry", job_id)
    assert (job["id"], job["status"]) == (job_id, "pending")


def test_waiting_for_a_completed_job_prints_its_result_and_exits_0(pregao: Shell) -> None:
    job_id = pregao.create()
    pregao.on_the_queue(lambda commands: completed(commands, job_id))
    assert pregao.json("jobs", "wait", job_id)["result"] == {"price": 38.5}
    assert pregao("jobs", "wait", job_id) == 0
    assert '{"price": 38.5}' in pregao.out


def test_a_wait_ends_when_the_job_does(pregao: Shell, settings: Settings) -> None:
    job_id = pregao.create()
    subscribed = threading.Event()

    async def complete_once_awaited(commands: QueueCommands) -> None:
        redis = open_redis(settings.resolve_redis_url())
        try:
            await eventually(lambda: redis.pubsub_numsub(Keys().events), lambda counted: counted[0][1] > 0)
        finally:
            await redis.aclose()
        subscribed.set()
        await completed(commands, job_id)

    worker = threading.Thread(target=lambda: pregao.on_the_queue(complete_once_awaited))
    worker.start()
    try:
        assert pregao.json("jobs", "wait", job_id, "--timeout", "30")["status"] == "completed"
    finally:
        worker.join()
    assert subscribed.is_set()


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_waiting_for_a_job_that_does_not_complete_exits_1(pregao: Shell, end: str) -> None:
    job_id = pregao.create()
    if end == "failed":
        pregao.on_the_queue(lambda commands: failed(commands, job_id))
    else:
        pregao("jobs", "cancel", job_id)
    assert pregao.json("jobs", "wait", job_id, code=1)["status"] == end


def test_a_wait_that_comes_to_its_timeout_exits_2_and_tells_the_status(pregao: Shell) -> None:
    job_id = pregao.create()
    assert pregao.json("jobs", "wait", job_id, "--timeout", "0.1", code=2)["status"] == "pending"
    problem = json.loads(pregao.err.splitlines()[-1])
    assert (problem["type"], problem["exit_code"]) == ("urn:pregao:problem:wait-timed-out", 2)
    assert pregao("jobs", "wait", job_id, "--timeout", "0.1") == 2
    assert "error: " in pregao.err
    assert "still pending" in pregao.err


def test_create_can_wait(pregao: Shell) -> None:
    assert pregao("jobs", "create", "B3", "--wait", "--timeout", "0.1") == 2
    assert "still pending" in pregao.err


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("create", "B33"), "scraper_name"),
        (("create", "B3", "--ticker", ""), "ticker"),
        (("create", "B3", "--max-retries", "-5"), "max_retries"),
        (("create", "B3", "--priority", "urgent"), "priority"),
        (("create", "B3", "--metadata", "{"), "metadata"),
        (("create", "B3", "--metadata", "[]"), "metadata"),
        (("list", "--status", "done"), "status"),
        (("list", "--page", "0"), "page"),
        (("list", "--page-size", "101"), "page_size"),
        (("show", "42"), "job_id"),
        (("cancel", "42"), "job_id"),
    ],
)
def test_bad_input_exits_2_and_names_field_and_fix(pregao: Shell, arguments: tuple[str, ...], field: str) -> None:
    assert pregao("jobs", *arguments) == 2
    assert pregao.err.startswith(f"error: {field}: ")
    assert ";" in pregao.err


@pytest.mark.parametrize("verb", ["show", "cancel", "retry", "wait"])
def test_an_unknown_job_exits_1(pregao: Shell, verb: str) -> None:
    assert pregao("jobs", verb, str(uuid.uuid4())) == 1
    assert "no job" in pregao.err


def test_without_redis_the_error_says_what_to_do(
    pregao: Shell, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{unused_tcp_port}/0")
    assert pregao("jobs", "create", "B3") == 1
    assert "check REDIS_URL" in pregao.err
    assert "Traceback" not in pregao.err


def test_an_error_with_json_is_a_problem_on_stderr_and_nothing_on_stdout(pregao: Shell) -> None:
    assert pregao("jobs", "show", str(uuid.uuid4()), "--json") == 1
    problem = json.loads(pregao.err.splitlines()[-1])
    assert (pregao.out, problem["type"]) == ("", "urn:pregao:problem:job-not-found")


def test_a_job_is_shown_without_its_attempts_while_postgresql_is_away(
    pregao: Shell, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    job_id = pregao.create()
    monkeypatch.setenv("DATABASE_URL", f"postgresql://x@127.0.0.1:{unused_tcp_port}/x")
    job = pregao.json("jobs", "show", job_id)
    assert (job["id"], job["attempts"]) == (job_id, None)
    assert pregao.err.startswith("note: without its attempts")


def test_what_a_terminal_would_obey_is_not_printed(pregao: Shell) -> None:
    pregao.create("--metadata", '{"note": "\\u001b[2J"}', "--ticker", "\x1b]0;title\x07")
    assert pregao("jobs", "list") == 0
    assert not set("\x1b\x07") & set(pregao.out)


def test_queue_status_counts_by_priority(pregao: Shell) -> None:
    pregao.create("--priority", "low")
    counts = {"high": 0, "normal": 0, "low": 1, "total": 1, "delayed": 0, "running": 0, "parked": 0}
    held: dict[str, list[str]] = {"paused": [], "breakers": [], "slowed": [], "logins": [], "held_workers": []}
    assert pregao.json("queue", "status") == {**counts, **held, "sample": False}
    assert pregao("queue", "status") == 0
    assert "0 workers with 0 slots" in pregao.out


def test_queue_status_names_workers_that_take_no_jobs(pregao: Shell, settings: Settings) -> None:
    async def hold() -> None:
        redis = open_redis(settings.resolve_redis_url())
        await beat(redis, WorkerFacts(id="host:7:abc", slots=3, held="memory is at 91 %"))
        await redis.aclose()

    asyncio.run(hold())
    assert pregao.json("queue", "status")["held_workers"] == ["worker host:7: memory is at 91 %"]
    assert pregao("queue", "status") == 0
    assert "worker host:7: memory is at 91 %\n1 worker with 3 slots" in pregao.out
