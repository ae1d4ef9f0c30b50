"""Events on `scraper:events`, in the contract's format."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pregao.domain.clock import require_aware
from pregao.domain.job import JobStatus

CHANNEL_SUFFIX = "events"

SUCCESS_OF_STATUS: dict[JobStatus, bool] = {JobStatus.COMPLETED: True, JobStatus.FAILED: False}
"""`success` in an event: null unless the status is final and says which."""


def final_event(
    *,
    job_id: str,
    scraper_name: str,
    ticker: str | None,
    status: JobStatus,
    at: datetime,
    generation: int,
    version: int,
) -> dict[str, Any]:
    """The event of a job that ended (completed, failed or cancelled), published after its row is committed.

    The event_id is derived from what it reports, so that a repeated delivery can be recognised.
    """
    name = f"job_{status.value}"
    return {
        "event": name,
        "job_id": job_id,
        "scraper_name": scraper_name,
        "ticker": ticker,
        "status": status.value,
        "success": SUCCESS_OF_STATUS.get(status),
        "timestamp": require_aware(at, "at").isoformat(timespec="milliseconds"),
        "event_id": f"{job_id}:{generation}:{version}:{name}",
    }
