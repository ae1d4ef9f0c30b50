"""What can be read back: jobs, attempts, lists, statistics, executions, and the contract's own queries."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import redis.asyncio as redis_async
from tests.running_jobs import a_spec, claim, complete, fail, run_one

from pregao.domain.errors import InvalidInput, StoreUnavailable
from pregao.domain.footprint import Footprint
from pregao.domain.job import Job, JobSpec, JobStatus
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import Firing
from pregao.store.history import OFFSET_LIMIT, History
from pregao.store.pool import open_pool
from pregao.store.recorder import Recorder

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

RECENT_EXECUTIONS = """
SELECT
    scraper_name,
    ticker,
    success,
    response_time,
    executed_at
FROM scraper_results
ORDER BY executed_at DESC
LIMIT 20;
"""

SUCCESS_RATE_BY_SCRAPER = """
SELECT
    scraper_name,
    COUNT(*) as total,
    COUNT(CASE WHEN success = true THEN 1 END) as successful,
    ROUND(COUNT(CASE WHEN success = true THEN 1 END) * 100.0 / COUNT(*), 2) as success_rate
FROM scraper_results
WHERE executed_at >= NOW() - INTERVAL '24 hours'
GROUP BY scraper_name
ORDER BY total DESC;
"""


@pytest.fixture
def commands(redis: redis_async.Redis) -> QueueCommands:
    return QueueCommands(redis)


@pytest.fixture
def history(pool: asyncpg.Pool) -> History:
    return History(pool)


@pytest.fixture
def recorder(redis: redis_async.Redis, pool: asyncpg.Pool) -> Recorder:
    return Recorder(redis, pool)


async def three_jobs(commands: QueueCommands, recorder: Recorder) -> list[JobSpec]:
    """A completed B3 job, a failed BCB job and a pending B3 job, in the order of their creation."""
    start = datetime(2026, 1, 5, 12, tzinfo=UTC)
    specs = [
        a_spec(scraper_name="B3", ticker="PETR4", created_at=start),
        a_spec(scraper_name="BCB", ticker="SELIC", created_at=start + timedelta(seconds=1)),
        a_spec(scraper_name="B3", ticker=None, created_at=start + timedelta(seconds=2)),
    ]
    await run_one(commands, specs[0], {"price": 38.1}, response_time_seconds=1.0)
    await commands.enqueue([specs[1]])
    await fail(commands, (await claim(commands))[0], error="gone", error_class="not_found", response_time_seconds=2.0)
    await commands.enqueue([specs[2]])
    while await recorder.step():
        pass
    return specs


async def test_a_job_reads_back_as_the_contracts_document(
    commands: QueueCommands, recorder: Recorder, history: History
) -> None:
    spec, _, _ = await three_jobs(commands, recorder)
    document = await history.job(spec.id)
    assert document is not None
    assert list(document)[:13] == list(Job().to_dict())
    assert (document["id"], document["scraper_name"], document["ticker"]) == (spec.id, "B3", "PETR4")
    assert (document["status"], document["result"], document["error"]) == ("completed", {"price": 38.1}, None)
    assert document["created_at"] == "2026-01-05T09:00:00.000-03:00"
    assert (document["response_time_seconds"], document["attempt"]) == (1.0, 1)
    assert Job.from_dict(document).status is JobStatus.COMPLETED


async def test_a_job_that_is_not_recorded_is_none(history: History) -> None:
    assert await history.job(str(uuid.uuid4())) is None
    with pytest.raises(InvalidInput):
        await history.job("seven")


async def test_jobs_are_listed_newest_first(commands: QueueCommands, recorder: Recorder, history: History) -> None:
    specs = await three_jobs(commands, recorder)
    jobs, total = await history.list_jobs()
    assert [job["id"] for job in jobs] == [spec.id for spec in reversed(specs)]
    assert total == 3


async def test_lists_are_filtered_and_paged(commands: QueueCommands, recorder: Recorder, history: History) -> None:
    completed, failed, pending = await three_jobs(commands, recorder)

    async def ids(**filters: object) -> tuple[list[str], int]:
        jobs, total = await history.list_jobs(**filters)  # type: ignore[arg-type]
        return [job["id"] for job in jobs], total

    assert await ids(status=JobStatus.FAILED) == ([failed.id], 1)
    assert await ids(scraper_name="B3") == ([pending.id, completed.id], 2)
    assert await ids(ticker="SELIC") == ([failed.id], 1)
    assert await ids(ticker="selic") == ([], 0)
    assert await ids(scraper_name="B3", status=JobStatus.COMPLETED, ticker="PETR4") == ([completed.id], 1)
    assert await ids(limit=1, offset=1) == ([failed.id], 3)
    assert await ids(limit=1, offset=3) == ([], 3)


async def test_a_long_ticker_is_told_from_another_with_the_same_beginning(
    commands: QueueCommands, recorder: Recorder, history: History
) -> None:
    spec, other = a_spec(ticker="x" * 5000 + "1"), a_spec(ticker="x" * 5000 + "2")
    await commands.enqueue([spec, other])
    await recorder.step()
    jobs, total = await history.list_jobs(ticker=spec.ticker)
    assert ([job["id"] for job in jobs], total) == ([spec.id], 1)


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 5000}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": OFFSET_LIMIT + 1}, "offset"),
    ],
)
async def test_a_page_out_of_reach_is_refused_with_the_way_out(
    history: History, page: dict[str, int], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await history.list_jobs(**page)  # type: ignore[arg-type]
    assert caught.value.field == field


async def test_a_large_result_is_left_out_of_lists_and_marked(
    commands: QueueCommands, recorder: Recorder, history: History
) -> None:
    text = " ".join(str(uuid.uuid4()) for _ in range(5000))
    spec = a_spec()
    await run_one(commands, spec, text)
    await recorder.step()
    [listed], _ = await history.list_jobs()
    assert (listed["result"], listed["result_omitted"]) == (None, True)
    whole = await history.job(spec.id)
    assert whole is not None
    assert (whole["result"], whole["result_omitted"]) == (text, False)


async def test_attempts_are_listed_with_their_errors(
    commands: QueueCommands, recorder: Recorder, history: History
) -> None:
    spec = a_spec()
    await commands.enqueue([spec])
    await fail(commands, (await claim(commands))[0], retryable=True, error="no route", error_class="network")
    await complete(commands, (await claim(commands, job_id=spec.id))[0], 1, response_time_seconds=0.25)
    await recorder.step()
    first, second = await history.attempts(spec.id)
    assert (first["attempt"], first["outcome"], first["error"]) == (1, "failed", "no route")
    assert (second["attempt"], second["outcome"], second["response_time_seconds"]) == (2, "completed", 0.25)


async def test_what_is_known_of_an_attempts_processes_is_kept(
    commands: QueueCommands, recorder: Recorder, history: History
) -> None:
    spec = a_spec()
    footprint = Footprint(logs="said \0 twice\n", peak_memory_mb=812.4, cpu_seconds=1.25, exit_signal="SIGKILL")
    await run_one(commands, spec, 1, footprint=footprint)
    await recorder.step()
    [attempt] = await history.attempts(spec.id)
    assert (attempt["logs"], attempt["exit_signal"]) == ("said  twice\n", "SIGKILL")
    assert (attempt["peak_memory_mb"], attempt["cpu_seconds"]) == (812.4, 1.25)


async def test_statistics_count_what_ended_in_the_period(
    commands: QueueCommands, recorder: Recorder, history: History
) -> None:
    await three_jobs(commands, recorder)
    summary = await history.summary(LONG_AGO)
    assert summary.pop("last_execution").endswith("-03:00")
    assert summary == {
        "total_jobs": 2,
        "successful_jobs": 1,
        "failed_jobs": 1,
        "ignored_jobs": 0,
        "success_rate": 50.0,
        "avg_response_time_seconds": 1.5,
    }
    assert [(row["scraper_name"], row["success_rate"]) for row in await history.by_scraper(LONG_AGO)] == [
        ("B3", 100.0),
        ("BCB", 0.0),
    ]


async def test_statistics_of_an_empty_period_are_zero(history: History) -> None:
    assert await history.summary(LONG_AGO) == {
        "total_jobs": 0,
        "successful_jobs": 0,
        "failed_jobs": 0,
        "ignored_jobs": 0,
        "success_rate": 0.0,
        "avg_response_time_seconds": None,
        "last_execution": None,
    }
    assert await history.by_scraper(LONG_AGO) == []


async def test_executions_are_listed_newest_first(
    commands: QueueCommands, recorder: Recorder, history: History
) -> None:
    for minute in (1, 2):
        fire_time = datetime(2026, 1, 5, 12, minute, tzinfo=UTC)
        await commands.fire(Firing(schedule_name="daily", scraper_name="B3", fire_time=fire_time, tickers=["A"]), [])
    await recorder.step()
    executions = await history.last_executions(5)
    assert [execution["fire_time"] for execution in executions] == [
        "2026-01-05T09:02:00.000-03:00",
        "2026-01-05T09:01:00.000-03:00",
    ]
    assert executions[0]["tickers"] == ["A"]


async def test_the_contracts_monitoring_queries_run_verbatim(
    commands: QueueCommands, recorder: Recorder, pool: asyncpg.Pool
) -> None:
    await three_jobs(commands, recorder)
    recent = await pool.fetch(RECENT_EXECUTIONS)
    # The two may end in one millisecond: then their order is nobody's.
    assert [row["executed_at"] for row in recent] == sorted((row["executed_at"] for row in recent), reverse=True)
    assert {(row["scraper_name"], row["ticker"], row["success"]) for row in recent} == {
        ("BCB", "SELIC", False),
        ("B3", "PETR4", True),
    }
    rates = await pool.fetch(SUCCESS_RATE_BY_SCRAPER)
    assert {row["scraper_name"]: float(row["success_rate"]) for row in rates} == {"B3": 100.0, "BCB": 0.0}


async def test_reading_while_postgresql_is_away_is_store_unavailable() -> None:
    pool = await open_pool("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable, match="check DATABASE_URL"):
        await History(pool).list_jobs()
    await pool.close()


async def test_a_database_without_tables_says_how_to_make_them(empty_database_url: str) -> None:
    pool = await open_pool(empty_database_url)
    with pytest.raises(StoreUnavailable, match="pregao migrate"):
        await History(pool).summary(LONG_AGO)
    await pool.close()


async def test_the_latest_failures_are_told_newest_first(
    commands: QueueCommands, recorder: Recorder, history: History, pool: asyncpg.Pool
) -> None:
    retried, failed, sound = a_spec(ticker="A", max_retries=3), a_spec(ticker="B"), a_spec(ticker="C")
    await commands.enqueue([retried, failed, sound])
    [held] = await claim(commands, job_id=retried.id)
    await fail(commands, held, retryable=True, error="away", error_class="network")
    [held] = await claim(commands, job_id=failed.id)
    await fail(commands, held, error="no such ticker", error_class="not_found")
    [held] = await claim(commands, job_id=sound.id)
    await complete(commands, held, {"price": 1})
    while await recorder.step():
        pass
    # Both may have ended within one millisecond.
    await pool.execute(
        "UPDATE job_attempts SET ended_at = ended_at - interval '1 s' WHERE job_id = $1", uuid.UUID(retried.id)
    )
    failures = await history.latest_failures()
    assert [(one["ticker"], one["error_class"], one["error"], one["status"]) for one in failures] == [
        ("B", "not_found", "no such ticker", "failed"),
        ("A", "network", "away", "retry"),
    ]
    assert [(one["attempt"], one["worker"]) for one in failures] == [(1, "tester"), (1, "tester")]
    assert len(await history.latest_failures(1)) == 1


async def test_a_job_that_failed_is_told_once_per_attempt_and_found_behind_many_successes(
    commands: QueueCommands, recorder: Recorder, history: History, pool: asyncpg.Pool
) -> None:
    job, other = a_spec(ticker="A"), a_spec(ticker="B")
    await commands.enqueue([job, other])
    [held] = await claim(commands, job_id=job.id)
    await fail(commands, held)
    await run_one(commands, other)
    while await recorder.step():
        pass
    await pool.execute(
        "INSERT INTO job_attempts (job_id, token, attempt, worker, outcome, started_at, ended_at) "
        "SELECT $1, 'token ' || n, n, 'tester', 'completed', now(), now() + n * interval '1 second' "
        "FROM generate_series(2, 3001) AS n",
        uuid.UUID(other.id),
    )
    assert [(one["job_id"], one["attempt"]) for one in await history.latest_failures()] == [(job.id, 1)]
