"""What the endpoints of schedules take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pregao.api.schemas import LEAVE_OUT, NAME_LIMIT_BYTES, text_of

FIRINGS_LIMIT = 100


class FiringsQuery(BaseModel):
    """How far ahead to look."""

    model_config = ConfigDict(extra="forbid")

    firings: int = Field(3, ge=0, le=FIRINGS_LIMIT, description="Firings to come that are shown of each schedule")


class RunRequest(BaseModel):
    """A run by hand. The body may be left out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"requested_by": "ana"}]})

    requested_by: Annotated[str, text_of(NAME_LIMIT_BYTES, LEAVE_OUT)] | None = Field(
        None, description="Who asks for it; it is recorded with the run"
    )


class LastFiringView(BaseModel):
    """What became of a schedule's newest occurrence, or of a run by hand, which alone has a `run_id`."""

    scraper_name: str
    outcome: Literal["fired", "late", "coalesced", "skipped", "missed", "manual"]
    detail: str | None
    fire_time: str
    executed_at: str
    run_id: str | None
    requested_by: str | None
    jobs: int
    job_ids: list[str] | None = Field(None, description="Left out in lists")


class FileProblemView(BaseModel):
    """Something wrong or odd in the schedule file; `text` is the whole of it in one line."""

    line: int | None
    schedule: str | None
    field: str | None
    value: str | None
    problem: str
    fix: str
    text: str


class ScheduleSummaryView(BaseModel):
    """A schedule: the fields of the file by their names, and what follows from them. Times are São Paulo's."""

    model_config = ConfigDict(extra="allow")

    name: str
    enabled: bool
    type: Literal["cron", "interval", "date"]
    scraper: str = Field(description="As the file names it")
    priority: Literal["high", "normal", "low"]
    tickers: list[str]
    timezone: str
    description: str
    metadata: dict[str, Any]
    scraper_name: str | None = Field(description="The installed scraper that it names; null when there is none")
    rule: str = Field(description="When it fires, in words")
    trigger: str = Field(description="The same in short")
    jobs: int = Field(description="Jobs that a firing makes")
    state: str = Field(description="scheduled, disabled, over, or what its scraper lacks: no scraper")
    why_silent: str | None = Field(description="Why it does not fire by itself")
    next_run_time: str | None
    next_firings: list[str]
    last_firing: LastFiringView | None


class ScheduleView(ScheduleSummaryView):
    """One schedule with its own warnings. Without PostgreSQL its last firing is not known."""

    warnings: list[FileProblemView]
    history_available: bool


class ScheduleListView(BaseModel):
    """The schedules in force. `problems` are those of the file on disk: a broken edit leaves the last good one."""

    file: str
    schedules: list[ScheduleSummaryView]
    problems: list[FileProblemView]
    warnings: list[FileProblemView]
    history_available: bool


class RunView(BaseModel):
    """A run by hand: its jobs are in their queues."""

    schedule_name: str
    scraper_name: str
    run_id: str
    outcome: Literal["manual"]
    fire_time: str
    requested_by: str | None
    jobs: int
    tickers: list[str]
    job_ids: list[str]
