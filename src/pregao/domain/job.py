"""What a job is: the contract's `Job`, and the frozen request behind it."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import orjson

from pregao.domain.clock import MARKET_ZONE, require_aware
from pregao.domain.errors import InvalidInput

MAX_RETRIES_LIMIT = 100
TIMEOUT_LIMIT_SECONDS = 24 * 3600


class JobStatus(StrEnum):
    """The six states of a job; `lifecycle` says how it moves between them."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETRY = "retry"

    @property
    def ended(self) -> bool:
        """Whether the job is over and will never run again under this id."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


class JobPriority(StrEnum):
    """Queues in the order in which they are served."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A request to run one scraper with one argument: all that is fixed when it is accepted."""

    id: str
    scraper_name: str
    ticker: str | None = None
    priority: JobPriority = JobPriority.NORMAL
    max_retries: int = 3
    timeout_seconds: float | None = None
    metadata: dict[str, Any] = {}
    schedule_name: str | None = None
    fire_time: datetime | None = None
    unique_key: str | None = None
    retried_from: str | None = None
    created_at: datetime

    def __post_init__(self) -> None:
        """Refuse what could never run. Raises InvalidInput naming the field."""
        check_job_id(self.id)
        if not self.scraper_name.strip():
            raise InvalidInput("scraper_name", self.scraper_name, "is empty", "name a scraper, for example B3")
        if not 0 <= self.max_retries <= MAX_RETRIES_LIMIT:
            raise InvalidInput("max_retries", self.max_retries, "is out of range", f"use 0 to {MAX_RETRIES_LIMIT}")
        if self.timeout_seconds is not None and not 0 < self.timeout_seconds <= TIMEOUT_LIMIT_SECONDS:
            raise InvalidInput(
                "timeout_seconds",
                self.timeout_seconds,
                "is out of range",
                f"use more than 0 and at most {TIMEOUT_LIMIT_SECONDS} seconds",
            )
        require_aware(self.created_at, "created_at")
        for field_name in ("scraper_name", "ticker", "schedule_name", "unique_key"):
            _check_text(field_name, getattr(self, field_name))
        if self.metadata:
            check_metadata(self.metadata)


_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_NUL_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def _check_text(field_name: str, value: str | None) -> None:
    if value is None or (value.isascii() and "\0" not in value):
        return
    if "\0" in value:
        raise InvalidInput(field_name, value, "contains a NUL character", "remove it: PostgreSQL cannot store it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field_name, value, "contains half of a surrogate pair", "send well-formed Unicode") from None


def check_metadata(metadata: dict[str, Any]) -> None:
    """Refuse metadata that would not come back as it was given. Raises InvalidInput."""
    try:
        encoded = msgspec.json.encode(metadata)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            "metadata",
            metadata,
            f"cannot be written as JSON ({error})",
            "use JSON values with well-formed text",
        ) from None
    if orjson.loads(encoded) != metadata:
        raise InvalidInput(
            "metadata",
            metadata,
            "would not come back as it is from JSON",
            "use text keys, finite numbers of at most 64 bits, text, lists and objects",
        )
    if _NUL_IN_JSON.search(encoded):
        raise InvalidInput("metadata", metadata, "contains a NUL character", "remove it: PostgreSQL cannot store it")


def check_job_id(job_id: str) -> str:
    """Return `job_id` in canonical UUID form, or raise InvalidInput."""
    if isinstance(job_id, str) and _CANONICAL_UUID.fullmatch(job_id):
        return job_id
    try:
        canonical = str(uuid.UUID(job_id))
    except (ValueError, AttributeError, TypeError):
        raise InvalidInput("id", job_id, "is not a UUID", "leave it out to get one, or use uuid.uuid4()") from None
    if canonical != job_id:
        raise InvalidInput("id", job_id, "is not in canonical form", f"write {canonical}")
    return job_id


@dataclass(slots=True)
class Job:
    """A job as scripts see it: `to_dict()` gives ISO strings and plain values, `from_dict()` reads them back.

    Datetimes are timezone-aware; a naive one given by a script counts as America/Sao_Paulo.
    Keys beyond the contract travel in `extra` and are kept by a round trip.
    """

    id: str | None = None
    scraper_name: str = ""
    ticker: str | None = None
    priority: JobPriority = JobPriority.NORMAL
    status: JobStatus = JobStatus.PENDING
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    result: Any = None
    error: str | None = None
    retry_count: int = 0
    max_retries: int = 3
    metadata: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Fill the id, accept plain strings for the enums, and attach São Paulo to naive times."""
        self.id = str(uuid.uuid4()) if self.id is None else str(self.id)
        self.priority = as_priority(self.priority)
        self.status = as_status(self.status)
        self.created_at = _aware(self.created_at)
        self.started_at = _aware(self.started_at)
        self.completed_at = _aware(self.completed_at)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: ISO 8601 with offset, enum values; `extra` keys follow the contract's."""
        return {
            "id": self.id,
            "scraper_name": self.scraper_name,
            "ticker": self.ticker,
            "priority": self.priority.value,
            "status": self.status.value,
            "created_at": _iso(self.created_at),
            "started_at": _iso(self.started_at),
            "completed_at": _iso(self.completed_at),
            "result": self.result,
            "error": self.error,
            "retry_count": self.retry_count,
            "max_retries": self.max_retries,
            "metadata": dict(self.metadata or {}),
            **self.extra,
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Job:
        """Read what `to_dict` wrote. Raises InvalidInput on an unknown status, priority or a bad time."""
        values = {name: document[name] for name in _CONTRACT_FIELDS if name in document}
        for name in ("created_at", "started_at", "completed_at"):
            values[name] = _parse_time(name, document.get(name))
        extra = {name: value for name, value in document.items() if name not in _CONTRACT_FIELDS}
        return cls(**values, extra=extra)


def spec_of(job: Job, created_at: datetime) -> JobSpec:
    """The request behind a script's job. Raises InvalidInput naming the field that is of a wrong type or value."""
    values: dict[str, Any] = {
        "id": job.id,
        "scraper_name": job.scraper_name,
        "ticker": job.ticker,
        "priority": job.priority.value,
        "max_retries": job.max_retries,
        "metadata": job.metadata or {},
        "created_at": created_at,
        **{name: job.extra[name] for name in _SPEC_EXTRAS if job.extra.get(name) is not None},
    }
    try:
        return msgspec.convert(values, JobSpec)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        name = path.partition("`")[0].partition("[")[0].partition(".")[0] or "job"
        raise InvalidInput(name, values.get(name), "is of a wrong type", problem[:1].lower() + problem[1:]) from None


def as_priority(value: str) -> JobPriority:
    """Turn a priority's value in any case into the enum. Raises InvalidInput."""
    try:
        return JobPriority(str(value).lower())
    except ValueError:
        raise InvalidInput("priority", value, "is not a priority", "use high, normal or low") from None


def as_status(value: str) -> JobStatus:
    """Turn a status's value in any case into the enum. Raises InvalidInput."""
    try:
        return JobStatus(str(value).lower())
    except ValueError:
        allowed = ", ".join(status.value for status in JobStatus)
        raise InvalidInput("status", value, "is not a status", f"use one of {allowed}") from None


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        return moment.replace(tzinfo=MARKET_ZONE)
    return moment


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _parse_time(name: str, value: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise InvalidInput(
            name, value, "is not an ISO 8601 time", "write for example 2026-11-07T10:30:00-03:00"
        ) from None


_SPEC_EXTRAS = ("timeout_seconds", "schedule_name", "fire_time", "unique_key", "retried_from")
_CONTRACT_FIELDS = (
    "id", "scraper_name", "ticker", "priority", "status", "created_at", "started_at", "completed_at",
    "result", "error", "retry_count", "max_retries", "metadata",
)  # fmt: skip
