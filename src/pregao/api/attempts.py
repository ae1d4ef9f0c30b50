"""Attempts as the API gives them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class AttemptView(BaseModel):
    """One attempt that ended. Times are ISO 8601 with São Paulo's offset.

    Memory, CPU time, signal and logs are known of attempts that ran in a process of their own.
    """

    attempt: int
    outcome: Literal["completed", "failed", "lost", "released", "cancelled"]
    error: str | None
    error_class: str | None
    response_time_seconds: float | None
    source: str | None
    metadata: dict[str, Any]
    worker: str
    started_at: str
    ended_at: str
    peak_memory_mb: float | None = Field(description="Memory of all its processes together at its highest")
    cpu_seconds: float | None = Field(description="CPU time of all its processes together")
    exit_signal: str | None = Field(description="The signal that ended the scraper's process, for example SIGKILL")
    logs: str | None = Field(description="What was printed and logged, the middle left out when it is long")


class AttemptsView(BaseModel):
    """The attempts of a job that have ended and are recorded, the first one first."""

    attempts: list[AttemptView]
