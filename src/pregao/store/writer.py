"""Writes a batch of facts to its tables, in the caller's transaction. Safe to repeat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from pregao.domain.job import JobSpec, JobStatus
from pregao.queue.facts import ControlFact, Fact, FiringFact, JobFact
from pregao.store.rows import (
    JobChange,
    Name,
    Row,
    attempt_rows,
    audit_row,
    change_row,
    changes_of,
    columns,
    control_rows,
    execution_row,
    job_row,
    result_row,
)
from pregao.store.statements import sql

if TYPE_CHECKING:
    from pregao.store.pool import Connection

FindRequest = Callable[[str], Awaitable[JobSpec | None]]
"""Looks for the request of a job that PostgreSQL does not know; None when it is gone."""


class UnknownJob(ValueError):
    """A fact is about a job whose request is nowhere: not in PostgreSQL, not in the outbox, not in Redis."""


class Ending(msgspec.Struct, frozen=True):
    """A job that ended, as its event tells it."""

    job_id: str
    scraper_name: str
    ticker: str | None
    status: JobStatus
    at: datetime
    generation: int
    version: int


async def write(
    connection: Connection, facts: Sequence[Fact], find_request: FindRequest, *, jobs_only: bool = False
) -> list[Ending]:
    """Write `facts`; the jobs that they end. Raises UnknownJob, and what PostgreSQL says of values it refuses.

    `jobs_only` leaves attempts and results out: the last resort for a job whose other rows are refused.
    """
    job_facts = [fact for fact in facts if isinstance(fact, JobFact)]
    changes = changes_of(job_facts)
    names = await _names(connection, changes, find_request)
    await _many(connection, "insert_jobs", [job_row(c, c.spec) for c in _by_id(changes) if c.spec is not None])
    await _many(connection, "update_jobs", [change_row(change) for change in _by_id(changes)])
    if not jobs_only:
        await _many(connection, "insert_attempts", attempt_rows(job_facts, names))
        results = [row for row in map(result_row, _by_id(changes)) if row is not None]
        await _many(connection, "upsert_results", results)
    firings = [execution_row(fact) for fact in facts if isinstance(fact, FiringFact)]
    await _many(connection, "insert_executions", firings)
    controls = [fact for fact in facts if isinstance(fact, ControlFact)]
    await _many(connection, "insert_audit", [audit_row(fact) for fact in controls])
    await _many(connection, "upsert_controls", control_rows(controls))
    return [_ending(change.newest, *names[job_id]) for job_id, change in changes.items() if change.newest.state.ended]


async def _many(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
    if rows:
        await connection.execute(sql(statement), *columns(rows))


async def _names(connection: Connection, changes: dict[str, JobChange], find_request: FindRequest) -> dict[str, Name]:
    """(scraper, ticker) of every job in the batch; fills in requests that only Redis still knows."""
    without = [job_id for job_id, change in changes.items() if change.spec is None]
    rows = await connection.fetch(sql("find_jobs"), without) if without else []
    names = {str(row["job_id"]): (row["scraper_name"], row["ticker"]) for row in rows}
    for job_id, change in changes.items():
        if job_id in names:
            continue
        change.spec = change.spec or await find_request(job_id)
        if change.spec is None:
            raise UnknownJob(f"the request of job {job_id} is not known to PostgreSQL and no longer in Redis")
        names[job_id] = (change.spec.scraper_name, change.spec.ticker)
    return names


def _by_id(changes: dict[str, JobChange]) -> list[JobChange]:
    # One order for all, so that two recorders can wait for each other's rows but never in a circle.
    return [changes[job_id] for job_id in sorted(changes)]


def _ending(fact: JobFact, scraper_name: str, ticker: str | None) -> Ending:
    return Ending(fact.job_id, scraper_name, ticker, fact.state, fact.at, fact.generation, fact.version)
