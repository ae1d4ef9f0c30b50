"""What the API takes and gives: request models that refuse what is wrong, response models for the documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Header
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from pregao.domain.job import MAX_RETRIES_LIMIT, TIMEOUT_LIMIT_SECONDS, JobPriority, JobStatus

TEXT_LIMIT_BYTES = 64 * 1024
NAME_LIMIT_BYTES = 200
NESTING_LIMIT = 100
PERIOD_LIMIT = timedelta(days=3650)
DEFAULT_PERIOD = "24h"
DEPTH_LIMIT = 100_000
"""Jobs that a page may lie behind: PostgreSQL counts its way to each page."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def refused(problem: str, fix: str) -> PydanticCustomError:
    """An error that keeps its fix apart from its problem."""
    return PydanticCustomError("refused", "{problem}; {fix}", {"problem": problem, "fix": fix})


def text_of(limit_bytes: int, absent: str) -> AfterValidator:
    """Text of at most `limit_bytes` that PostgreSQL can store and that is not blank; `absent` says what else to do."""

    def check(text: str) -> str:
        if not text.strip():
            raise refused("is empty", absent)
        if "\0" in text:
            raise refused("contains a NUL character", "remove it")
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise refused("contains half of a surrogate pair", "send well-formed Unicode") from None
        if size > limit_bytes:
            raise refused(f"has {size} bytes", f"use at most {limit_bytes}")
        return text

    return AfterValidator(check)


def _lowered(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise refused("is not a number", "use a number")
    return value


def _storable(metadata: dict[str, Any]) -> dict[str, Any]:
    if _nests_too_deep(metadata):
        raise refused("is nested too deep", f"use at most {NESTING_LIMIT} levels")
    try:
        encoded = json.dumps(metadata, allow_nan=False, ensure_ascii=False)
        size = len(encoded.encode())
    except (ValueError, TypeError) as error:
        raise refused(f"cannot be written as JSON ({error})", "use JSON values with well-formed text") from None
    if size > TEXT_LIMIT_BYTES:
        raise refused(f"has {size} bytes", f"use at most {TEXT_LIMIT_BYTES}")
    if _holds_nul(metadata):
        raise refused("contains a NUL character", "remove it: PostgreSQL cannot store it")
    return metadata


def _nests_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(NESTING_LIMIT + 1):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
    return ()


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(part) for entry in value.items() for part in entry)
        case list():
            return any(map(_holds_nul, value))
    return False


def period_of(text: str) -> timedelta:
    """The length of `30m`, `24h`, `7d` or `4w`. Raises PydanticCustomError.

    >>> period_of("24h")
    datetime.timedelta(days=1)
    """
    match = re.fullmatch(r"([0-9]{1,6})([mhdw])", text.strip().lower())
    length = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta() < length <= PERIOD_LIMIT:
        raise refused(
            "is not a period",
            f"use a number and m, h, d or w, for example 30m, 24h or 7d; at most {PERIOD_LIMIT.days}d",
        )
    return length


def _period(text: str) -> str:
    period_of(text)
    return text.strip().lower()


LEAVE_OUT = "write one, or leave it out"
Name = Annotated[str, text_of(NAME_LIMIT_BYTES, "name a scraper, for example B3")]
Ticker = Annotated[str, text_of(TEXT_LIMIT_BYTES, "write one, or leave it out for a scraper that takes none")]
Priority = Annotated[JobPriority, BeforeValidator(_lowered)]
Status = Annotated[JobStatus, BeforeValidator(_lowered)]
IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=255, description="Makes the request safe to repeat for 24 hours")
]


class JobRequest(BaseModel):
    """A job to create. `ticker` is whatever the scraper takes: a ticker, a symbol, a search phrase, a whole prompt."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"scraper_name": "B3", "ticker": "PETR4", "priority": "high", "max_retries": 3}]
        },
    )

    scraper_name: Name = Field(description="The scraper, by any spelling that names just one")
    ticker: Ticker | None = Field(None, description="Its argument, kept exactly as given; none for some scrapers")
    priority: Priority = JobPriority.NORMAL
    max_retries: Annotated[int, BeforeValidator(_no_flag), Field(ge=0, le=MAX_RETRIES_LIMIT)] | None = Field(
        None, description="Retries after the first attempt; SCRAPER_MAX_RETRIES when left out"
    )
    timeout_seconds: (
        Annotated[float, BeforeValidator(_no_flag), Field(gt=0, le=TIMEOUT_LIMIT_SECONDS, allow_inf_nan=False)] | None
    ) = Field(None, description="Longest an attempt may take; the scraper's own when left out")
    metadata: Annotated[dict[str, Any], AfterValidator(_storable)] | None = Field(
        None, description="Any JSON object up to 64 KB; it comes back with the job"
    )
    unique_key: Annotated[str, text_of(NAME_LIMIT_BYTES, LEAVE_OUT)] | None = Field(
        None, description="At most one live job may hold it; a second create answers the first job"
    )


class JobChange(BaseModel):
    """What can be changed of a job that waits."""

    model_config = ConfigDict(extra="forbid")

    priority: Priority


class ListQuery(BaseModel):
    """Which jobs to list. Filters are combined; newest first."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = Field(None, description="The status that a job has now")
    scraper_name: Annotated[str, text_of(NAME_LIMIT_BYTES, LEAVE_OUT)] | None = Field(
        None, description="The scraper, by any spelling that names just one"
    )
    ticker: Annotated[str, text_of(TEXT_LIMIT_BYTES, LEAVE_OUT)] | None = Field(
        None, description="The ticker exactly as it was given"
    )
    page: int = Field(1, ge=1, le=DEPTH_LIMIT)
    page_size: int = Field(50, ge=1, le=100)

    @property
    def offset(self) -> int:
        """Jobs before this page."""
        return (self.page - 1) * self.page_size


class PeriodQuery(BaseModel):
    """How far back statistics look."""

    model_config = ConfigDict(extra="forbid")

    period: Annotated[str, AfterValidator(_period)] = Field(
        DEFAULT_PERIOD, description="A number and m, h, d or w: 30m, 24h, 7d"
    )


class JobView(BaseModel):
    """A job. Times are ISO 8601 with São Paulo's offset."""

    id: str
    scraper_name: str
    ticker: str | None
    priority: JobPriority
    status: JobStatus
    created_at: str
    started_at: str | None
    completed_at: str | None
    result: Any = None
    error: str | None
    retry_count: int
    max_retries: int
    metadata: dict[str, Any]
    attempt: int
    worker: str | None
    cancel_requested: bool
    due_at: str | None
    schedule_name: str | None
    timeout_seconds: float | None
    retried_from: str | None
    result_omitted: bool = Field(False, description="The result is left out here; GET /api/jobs/{id} has it")
    held: list[str] | None = Field(
        None, description="Why a pending job is not run now; null when nothing holds it. Only GET /api/jobs/{id} has it"
    )
    result_metadata: dict[str, Any] | None = Field(
        None,
        description="Of the recorded result: `sample`, `instead_of` and `because` of a stand-in, and the like. "
        "Only GET /api/jobs/{id} has it",
    )


class JobPageView(BaseModel):
    """A page of jobs; `total` counts all that match."""

    jobs: list[JobView]
    total: int
    page: int
    page_size: int


class CancelView(BaseModel):
    """What became of a cancel: `cancelled`, or `running` with a request that its worker is told of."""

    message: str
    job_id: str
    status: Literal["cancelled", "running"]
    cancel_requested: bool


class QueueView(BaseModel):
    """Ready jobs by priority; `delayed` wait for a retry, `running` are held by workers, `parked` are held back."""

    high: int
    normal: int
    low: int
    total: int
    delayed: int
    running: int
    parked: int
    paused: list[dict[str, Any]] = []
    breakers: list[dict[str, Any]] = Field([], description="Breakers that are not closed")
    slowed: list[dict[str, Any]] = Field(
        [], description="Sources that asked to be left alone, and their distance since"
    )
    logins: list[dict[str, Any]] = Field([], description="Scrapers whose jobs wait for a login")
    held_workers: list[str] = Field([], description="Workers that take no jobs now, and why")
    sample: bool | None = Field(None, description="Whether the results are sample data; the health report has it once")


class ScraperStatsView(BaseModel):
    """Results of one scraper; `success_rate` is in percent."""

    scraper_name: str
    total_jobs: int
    successful_jobs: int
    failed_jobs: int
    success_rate: float
    avg_response_time_seconds: float | None


class ByScraperView(BaseModel):
    """Statistics by scraper, the busiest first."""

    period: str
    scrapers: list[ScraperStatsView]


class SummaryView(BaseModel):
    """Statistics of all results in a period; `success_rate` is in percent."""

    period: str
    total_jobs: int
    successful_jobs: int
    failed_jobs: int
    success_rate: float
    avg_response_time_seconds: float | None
    last_execution: str | None


class HealthView(BaseModel):
    """Whether jobs are taken, run and recorded."""

    status: Literal["healthy", "degraded", "unhealthy"]
    redis: str
    database: str
    queue: QueueView | None
    timestamp: str
    problems: list[str]
    components: dict[str, Any]
    paused: list[dict[str, Any]] | None
    breakers: list[dict[str, Any]] = Field(description="Breakers that are not closed")
    slowed: list[dict[str, Any]] = Field(description="Sources that asked to be left alone, and their distance since")
    logins: list[dict[str, Any]] = Field(description="Scrapers whose jobs wait for a login")
    sample: bool


class FieldProblem(BaseModel):
    """One bad input."""

    field: str
    value: Any = None
    problem: str
    fix: str


class ProblemView(BaseModel):
    """RFC 9457 problem."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


def problem_schema() -> dict[str, Any]:
    """The JSON schema of a problem in one piece: FastAPI files models under application/json only."""
    schema = ProblemView.model_json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["FieldProblem"]
    return schema
