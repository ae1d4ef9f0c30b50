"""Jobs as they are now: what Redis knows, laid over what PostgreSQL remembers.

A row in PostgreSQL lags behind: claims write no fact, and facts are a moment on their way. The jobs whose rows may be
wrong are known, though: those that run, those whose facts are still in the outbox, and those recorded as waiting for a
retry. A page leaves these out of the query and puts them back in from Redis, so that filters, order and total are those
of now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
import orjson
from loguru import logger

from pregao.domain.clock import market_iso
from pregao.domain.errors import JobNotFound, StoreUnavailable
from pregao.domain.job import JobStatus
from pregao.queue.views import QueueViews
from pregao.store.history import LIMIT as ROWS_LIMIT
from pregao.store.history import History

DOUBTFUL_LIMIT = 1000
"""Rows of each kind that are checked against Redis. Beyond it (a recorder that stands still) a filtered page may be
short; the status of every job that it shows is right all the same."""

_CONTRACT = (
    "id", "scraper_name", "ticker", "priority", "status", "created_at", "started_at", "completed_at",
    "result", "error", "retry_count", "max_retries", "metadata",
)  # fmt: skip
_EXTRAS = (
    "attempt", "worker", "cancel_requested", "due_at", "schedule_name", "timeout_seconds", "retried_from",
    "result_omitted",
)  # fmt: skip
_TIMES = ("created_at", "started_at", "completed_at", "due_at")
_ABSENT: Mapping[str, Any] = {
    "retry_count": 0,
    "attempt": 0,
    "cancel_requested": False,
    "result_omitted": False,
}
_UNFINISHED = frozenset(status.value for status in JobStatus if not status.ended)


class Wanted(msgspec.Struct, frozen=True):
    """Which jobs to list; None and () mean any. A job matches one of `scraper_names` exactly."""

    status: JobStatus | None = None
    scraper_names: tuple[str, ...] = ()
    ticker: str | None = None

    def matches(self, document: Mapping[str, Any]) -> bool:
        """Whether a job's document is one of these."""
        return (
            (self.status is None or document["status"] == self.status.value)
            and (not self.scraper_names or document["scraper_name"] in self.scraper_names)
            and (self.ticker is None or document["ticker"] == self.ticker)
        )


class JobListing:
    """Finds and lists jobs, live and finished.

    Raises QueueUnavailable, and StoreUnavailable where PostgreSQL has to be asked.
    """

    def __init__(self, views: QueueViews, history: History) -> None:
        self._views = views
        self._history = history

    async def job(self, job_id: str) -> dict[str, Any]:
        """One job with its result, as `present` shapes it. Raises JobNotFound.

        PostgreSQL is asked only for what Redis does not have: jobs that ended long ago, and large results.
        """
        document = await self._views.document(job_id)
        if document is None:
            document = await self._history.job(job_id)
            if document is None:
                raise JobNotFound(job_id)
        elif document.get("result_omitted"):
            document = await self._with_result(document)
        return present(document)

    async def page(self, wanted: Wanted, *, offset: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Jobs `offset` to `offset + limit`, newest first, without large results; and how many match in all."""
        live = await self._live_documents(wanted)
        matching = sorted((job for job in live.values() if wanted.matches(job)), key=_age, reverse=True)
        # Each live job may stand anywhere between the rows: those before the window push rows out of it.
        start = max(0, offset - len(matching))
        rows, recorded = await self._rows(wanted, live, start, limit if start else offset + limit)
        if start and matching and rows and _age(matching[-1]) < _age(rows[0]):
            rows, recorded = await self._rows(wanted, live, start, offset - start + limit)
        merged = sorted([*matching, *rows], key=_age, reverse=True)
        window = merged[offset - start :][:limit]
        return [present(job) for job in await self._laid_over(window, live, wanted)], recorded + len(matching)

    async def _rows(
        self, wanted: Wanted, live: Collection[str], start: int, count: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Recorded jobs that are not live, `start` to `start + count`, and how many match in all."""
        rows: list[dict[str, Any]] = []
        while True:
            page, recorded = await self._history.list_jobs(
                status=wanted.status,
                scraper_name=wanted.scraper_names,
                ticker=wanted.ticker,
                exclude=live,
                limit=min(ROWS_LIMIT, count - len(rows)),
                offset=start + len(rows),
            )
            rows += page
            if len(page) < ROWS_LIMIT or len(rows) >= count:
                return rows, recorded

    async def _live_documents(self, wanted: Wanted) -> dict[str, dict[str, Any]]:
        """What Redis knows of the jobs whose rows in PostgreSQL may be missing or behind."""
        ids = dict.fromkeys(await self._views.unrecorded_ids(DOUBTFUL_LIMIT))
        ids |= dict.fromkeys(await self._views.running_ids(DOUBTFUL_LIMIT))
        if wanted.status in (JobStatus.PENDING, JobStatus.RETRY):
            ids |= dict.fromkeys(await self._history.waiting_ids(DOUBTFUL_LIMIT))
        return await self._views.documents(list(ids))

    async def _laid_over(
        self, jobs: list[dict[str, Any]], known: Collection[str], wanted: Wanted
    ) -> list[dict[str, Any]]:
        """The page with Redis's word on every unfinished row; what turns out not to match any more is left out."""
        unsure = [job["id"] for job in jobs if job["status"] in _UNFINISHED and job["id"] not in known]
        fresh = await self._views.documents(unsure)
        return [job for job in (fresh.get(row["id"], row) for row in jobs) if wanted.matches(job)]

    async def _with_result(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with the result that was too large for Redis: recorded, or on its way."""
        job_id = document["id"]
        raw = await self._views.unrecorded_result(job_id)
        if raw is not None:
            return {**document, "result": orjson.loads(raw), "result_omitted": False}
        try:
            recorded = await self._history.job(job_id)
        except StoreUnavailable as error:
            logger.warning("job {} is shown without its result: {}", job_id, error)
            return document
        if recorded is None:
            return document
        return {**document, "result": recorded["result"], "result_omitted": False}


def present(document: Mapping[str, Any]) -> dict[str, Any]:
    """A job as every door shows it: the contract's keys in its order, then ours; times in São Paulo's offset."""
    shaped = {name: document.get(name, _ABSENT.get(name)) for name in (*_CONTRACT, *_EXTRAS)}
    for name in _TIMES:
        shaped[name] = market_iso(_moment(shaped[name]))
    shaped["metadata"] = shaped["metadata"] or {}
    return shaped


def _moment(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _age(document: Mapping[str, Any]) -> tuple[datetime, str]:
    return _created(document), document["id"]


def _created(document: Mapping[str, Any]) -> datetime:
    """With microseconds, as Redis has it and a row of PostgreSQL beside its document."""
    exactly: datetime | None = document.get("created_exactly")
    return exactly or datetime.fromisoformat(document["created_at"])
