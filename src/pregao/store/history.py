"""What PostgreSQL remembers, as documents: jobs, attempts, statistics, executions of schedules."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pregao.domain.clock import market_iso, require_aware
from pregao.domain.errors import InvalidInput
from pregao.domain.job import JobStatus, check_job_id
from pregao.store.pool import unavailable
from pregao.store.statements import sql
from pregao.store.statistics import by_scraper, statistics_of

if TYPE_CHECKING:
    import asyncpg

    from pregao.store.pool import Pool

OFFSET_LIMIT = 100_000
"""Jobs that a list may skip; older ones are found with a filter."""
LIMIT = 1000


class History:
    """Reads only. Times in documents are ISO 8601 with São Paulo's offset. All methods raise StoreUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def job(self, job_id: str) -> dict[str, Any] | None:
        """One job with its whole result, None when it is not recorded. Raises InvalidInput when `job_id` is no UUID."""
        rows = await self._fetch("get_job", uuid.UUID(check_job_id(job_id)))
        return _job_document(rows[0]) if rows else None

    async def list_jobs(
        self,
        *,
        status: JobStatus | None = None,
        scraper_name: str | Collection[str] | None = None,
        ticker: str | None = None,
        exclude: Collection[str] = (),
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of jobs, newest first, and how many there are in all. Results over 16 KB are left out and marked.

        `scraper_name` is one name or several spellings of it; the jobs whose ids are in `exclude` do not count.
        Raises InvalidInput for a limit outside 1 to 1,000 and an offset outside 0 to 100,000.
        """
        _check_page(limit, offset)
        names = [scraper_name] if isinstance(scraper_name, str) else list(scraper_name or ())
        excluded = [uuid.UUID(job_id) for job_id in exclude]
        filters = (None if status is None else status.value, names or None, ticker, excluded)
        rows = await self._fetch("list_jobs", *filters, limit, offset)
        counted = await self._fetch("count_jobs", *filters)
        return [_job_document(row) for row in rows], int(counted[0]["count"])

    async def waiting_ids(self, limit: int = LIMIT) -> list[str]:
        """Jobs recorded as waiting for a retry, newest first; some of them may be ready or running by now."""
        return [str(row["job_id"]) for row in await self._fetch("list_waiting", limit)]

    async def attempts(self, job_id: str) -> list[dict[str, Any]]:
        """Every attempt that ended, the first one first. Raises InvalidInput when `job_id` is no UUID."""
        rows = await self._fetch("list_attempts", uuid.UUID(check_job_id(job_id)))
        return [
            {
                "attempt": row["attempt"],
                "outcome": row["outcome"],
                "error": row["error"],
                "error_class": row["error_class"],
                "fingerprint": row["fingerprint"],
                "response_time_seconds": _number(row["response_time"]),
                "source": row["source"],
                "metadata": row["metadata"],
                "worker": row["worker"],
                "started_at": market_iso(row["started_at"]),
                "ended_at": market_iso(row["ended_at"]),
                "peak_memory_mb": row["peak_memory_mb"],
                "cpu_seconds": row["cpu_seconds"],
                "exit_signal": row["exit_signal"],
                "logs": row["logs"],
            }
            for row in rows
        ]

    async def latest_failures(self, limit: int = 20) -> list[dict[str, Any]]:
        """The latest attempts that failed or lost their lease, newest first, with the job's status now.

        They are looked for among the 2,000 newest attempts and the 50 newest jobs that failed for good. Raises
        InvalidInput for a limit outside 1 to 1,000.
        """
        _check_page(limit, 0)
        return [
            {
                "ended_at": market_iso(row["ended_at"]),
                "job_id": str(row["job_id"]),
                "scraper_name": row["scraper_name"],
                "ticker": row["ticker"],
                "attempt": row["attempt"],
                "status": row["status"],
                "error_class": row["error_class"],
                "error": row["error"],
                "worker": row["worker"],
            }
            for row in await self._fetch("list_failures", limit)
        ]

    async def summary(self, since: datetime) -> dict[str, Any]:
        """Counts, success rate (percent) and mean response time of the jobs that ended at or after `since`."""
        rows = await self._fetch("summarise", require_aware(since, "since"))
        return statistics_of(dict(rows[0])).document()

    async def by_scraper(self, since: datetime, full_name: Callable[[str], str] = str) -> list[dict[str, Any]]:
        """The same for each scraper, the busiest first. Jobs may name one scraper in many ways: see `by_scraper`."""
        rows = await self._fetch("summarise_by_scraper", require_aware(since, "since"))
        return by_scraper([(row["scraper_name"], statistics_of(dict(row))) for row in rows], full_name)

    async def last_executions(self, limit: int = 20) -> list[dict[str, Any]]:
        """The latest firings of all schedules, newest first. Raises InvalidInput for a limit outside 1 to 1,000."""
        _check_page(limit, 0)
        return [
            {
                "schedule_name": row["schedule_name"],
                "scraper_name": row["scraper_name"],
                "tickers": row["tickers"],
                "job_ids": row["job_ids"],
                **_firing(row),
            }
            for row in await self._fetch("list_executions", limit)
        ]

    async def last_firings(self, names: Collection[str], *, with_job_ids: bool = False) -> dict[str, dict[str, Any]]:
        """The newest recorded firing of each of these schedules, by name: scraper, outcome, times, number of jobs."""
        found: dict[str, dict[str, Any]] = {}
        for row in await self._fetch("find_last_executions", list(names), with_job_ids):
            firing = {"scraper_name": row["scraper_name"], **_firing(row), "jobs": row["jobs"]}
            found[row["schedule_name"]] = firing | ({"job_ids": row["job_ids"]} if with_job_ids else {})
        return found

    async def failure_groups(
        self, since: datetime, *, scraper_names: Collection[str] = (), error_class: str | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """Equal failures since then, the most frequent first, each with its newest example.

        `ignored` ones say nothing against their scraper. `first_seen` is when the first of them was recorded at all.
        """
        _check_page(limit, 0)
        start, names = require_aware(since, "since"), list(scraper_names) or None
        rows = await self._fetch("group_failures", start, names, error_class, limit)
        return [
            {
                "fingerprint": row["fingerprint"],
                "scraper_name": row["scraper_name"],
                "error_class": row["error_class"] or row["outcome"],
                "ignored": row["ignored"],
                "attempts": row["attempts"],
                "jobs": row["jobs"],
                "first_seen": market_iso(row["first_seen"]),
                "last_seen": market_iso(row["last_seen"]),
                "example": {"job_id": str(row["job_id"]), "ticker": row["ticker"], "error": row["error"]},
            }
            for row in rows
        ]

    async def observed(self, scraper_name: str, since: datetime) -> dict[str, Any]:
        """How many good results a scraper had since then, and the time within which 95 % of them came."""
        (row,) = await self._fetch("observe_scraper", scraper_name, require_aware(since, "since"))
        p95 = row["p95_seconds"]
        return {"results": row["results"], "p95_seconds": None if p95 is None else round(p95, 3)}

    async def audit(
        self, limit: int = 50, *, scraper: str | None = None, before: datetime | None = None
    ) -> list[dict[str, Any]]:
        """The latest changes of rules and limits, newest first: at, who, what, before, after, detail.

        `scraper` is a folded name; `before` leaves out what happened then or later.
        """
        _check_page(limit, 0)
        rows = await self._fetch("list_audit", limit, scraper, before)
        return [{**dict(row), "at": market_iso(row["at"])} for row in rows]

    async def _fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        with unavailable():
            return await self._pool.fetch(sql(statement), *arguments)


def _check_page(limit: int, offset: int) -> None:
    if not 1 <= limit <= LIMIT:
        raise InvalidInput("limit", limit, "is out of range", f"use 1 to {LIMIT}")
    if not 0 <= offset <= OFFSET_LIMIT:
        raise InvalidInput(
            "offset",
            offset,
            "is out of range",
            f"skip at most {OFFSET_LIMIT} jobs; filter by status, scraper or ticker to reach older ones",
        )


def _job_document(row: asyncpg.Record) -> dict[str, Any]:
    """The contract's keys first, then ours; `created_exactly` has the microseconds, which decide an order."""
    return {
        "id": str(row["job_id"]),
        "scraper_name": row["scraper_name"],
        "ticker": row["ticker"],
        "priority": row["priority"],
        "status": row["status"],
        "created_at": market_iso(row["created_at"]),
        "started_at": market_iso(row["started_at"]),
        "completed_at": market_iso(row["completed_at"]),
        "result": row["result"],
        "error": row["error"],
        "retry_count": row["retry_count"],
        "max_retries": row["max_retries"],
        "metadata": row["metadata"],
        "attempt": row["attempt"],
        "lost_count": row["lost_count"],
        "error_class": row["error_class"],
        "due_at": market_iso(row["due_at"]),
        "timeout_seconds": row["timeout_seconds"],
        "schedule_name": row["schedule_name"],
        "fire_time": market_iso(row["fire_time"]),
        "unique_key": row["unique_key"],
        "retried_from": None if row["retried_from"] is None else str(row["retried_from"]),
        "response_time_seconds": _number(row["response_time"]),
        "source": row["source"],
        "result_metadata": row["result_metadata"],
        "result_omitted": row["result_omitted"],
        "version": row["version"],
        "created_exactly": row["created_at"],
    }


def _firing(row: asyncpg.Record) -> dict[str, Any]:
    """What became of an occurrence or of a run by hand; only the latter has a run_id."""
    return {
        "outcome": row["outcome"],
        "detail": row["detail"],
        "fire_time": market_iso(row["fire_time"]),
        "executed_at": market_iso(row["executed_at"]),
        "run_id": None if row["run_id"] is None else str(row["run_id"]),
        "requested_by": row["requested_by"],
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
