"""What a schedule is: which scraper runs, with what, and the rule that says when."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from pregao.domain.clock import require_aware, to_ms
from pregao.domain.job import JobPriority
from pregao.domain.names import counted

DEFAULT_TIMEZONE = "America/Sao_Paulo"
DEFAULT_GRACE_SECONDS = 300.0

_NAMESPACE = uuid.UUID("0c6b7e0e-9f0f-4d0e-8a51-2f7c1f1f6a3d")


class ScheduleType(StrEnum):
    """The three kinds of rule."""

    CRON = "cron"
    INTERVAL = "interval"
    DATE = "date"


class CatchUp(StrEnum):
    """What becomes of occurrences that are overdue by more than the misfire grace."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


class CronFields(msgspec.Struct, frozen=True, tag="fields"):
    """Calendar fields as expressions; all of them must match. `day_of_week` counts from Monday = 0."""

    second: str = "0"
    minute: str = "*"
    hour: str = "*"
    day: str = "*"
    month: str = "*"
    day_of_week: str = "*"


class UnixCron(msgspec.Struct, frozen=True, tag="unix"):
    """A five-field Unix expression, minute first. Sunday is 0 or 7."""

    expression: str


class Every(msgspec.Struct, frozen=True, tag="every"):
    """A fixed number of seconds from one fire time to the next."""

    seconds: int


class Once(msgspec.Struct, frozen=True, tag="once"):
    """A single instant, aware."""

    at: datetime


Rule = CronFields | UnixCron | Every | Once


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the schedule file, checked. One job is made for each ticker; None is "no ticker".

    `start_date` and `end_date` are aware and inclusive. `max_retries` and `timeout_seconds` are None where the
    schedule leaves them to the settings.
    """

    name: str
    scraper: str
    rule: Rule
    enabled: bool = True
    priority: JobPriority = JobPriority.NORMAL
    tickers: tuple[str | None, ...] = (None,)
    timezone: str = DEFAULT_TIMEZONE
    start_date: datetime | None = None
    end_date: datetime | None = None
    misfire_grace_seconds: float = DEFAULT_GRACE_SECONDS
    catch_up: CatchUp = CatchUp.LATEST
    max_retries: int | None = None
    timeout_seconds: float | None = None
    metadata: dict[str, Any] = {}
    description: str = ""

    @property
    def type(self) -> ScheduleType:
        """Cron, interval or date, as the file says it."""
        match self.rule:
            case CronFields() | UnixCron():
                return ScheduleType.CRON
            case Every():
                return ScheduleType.INTERVAL
            case Once():
                return ScheduleType.DATE

    @property
    def trigger(self) -> str:
        """The rule in one line, for people.

        >>> Schedule(name="news", scraper="Valor", rule=Every(7200)).trigger
        'every 2 h'
        """
        match self.rule:
            case CronFields() as fields:
                return f"cron {_fields_text(fields)}"
            case UnixCron(expression):
                return f"cron {expression!r}"
            case Every(seconds):
                return f"every {_duration(seconds)}"
            case Once(at):
                return f"once at {at.isoformat()}"

    def document(self) -> dict[str, Any]:
        """The schedule as plain values, by the names of the file's fields."""
        rule: dict[str, Any]
        match self.rule:
            case CronFields() as fields:
                rule = msgspec.structs.asdict(fields)
            case UnixCron(expression):
                rule = {"cron": expression}
            case Every(seconds):
                rule = {"seconds": seconds}
            case Once(at):
                rule = {"run_date": at.isoformat()}
        return {
            "enabled": self.enabled,
            "type": self.type.value,
            "scraper": self.scraper,
            "priority": self.priority.value,
            **rule,
            "tickers": [ticker for ticker in self.tickers if ticker is not None],
            "timezone": self.timezone,
            "start_date": None if self.start_date is None else self.start_date.isoformat(),
            "end_date": None if self.end_date is None else self.end_date.isoformat(),
            "misfire_grace_seconds": self.misfire_grace_seconds,
            "catch_up": self.catch_up.value,
            "max_retries": self.max_retries,
            "timeout_seconds": self.timeout_seconds,
            "metadata": dict(self.metadata),
            "description": self.description,
        }


def occurrence_job_id(schedule_name: str, fire_time: datetime, ticker: str | None) -> str:
    """The id of the job that one occurrence makes for one ticker: the same whoever computes it.

    `fire_time` is the nominal instant, aware. No ticker and a ticker of any text are told apart.
    """
    require_aware(fire_time, "fire_time")
    identity = msgspec.json.encode([schedule_name, to_ms(fire_time), ticker])
    return str(uuid.uuid5(_NAMESPACE, identity.decode()))


def run_job_id(run_id: str, ticker: str | None) -> str:
    """The id of the job that one run by hand makes for one ticker. `run_id` is the run's own UUID."""
    return str(uuid.uuid5(uuid.UUID(run_id), msgspec.json.encode(ticker).decode()))


def _fields_text(fields: CronFields) -> str:
    """`minute=30 hour=10`. An open minute or hour below a larger field is shown: it fires more often than it looks."""
    values = msgspec.structs.asdict(fields)
    told = {name: value for name, value in values.items() if value != ("0" if name == "second" else "*")}
    order = list(values)
    largest = max((order.index(name) for name in told), default=0)
    open_below = [name for name in ("minute", "hour") if values[name] == "*" and order.index(name) < largest]
    return " ".join(f"{name}={values[name]}" for name in order if name in told or name in open_below) or "every minute"


def _duration(seconds: int) -> str:
    for unit, size in (("week", 604_800), ("day", 86_400)):
        if seconds % size == 0:
            return unit if seconds == size else counted(seconds // size, unit)
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
