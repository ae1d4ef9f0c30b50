"""Every error that Pregão raises on purpose, in one tree.

    PregaoError
    ├── InvalidInput            bad input at any door: field, value and fix
    ├── QueueError
    │   ├── QueueUnavailable    Redis cannot be reached
    │   ├── QueueFull           Redis is at maxmemory and takes no new work
    │   ├── GenerationMissing   this Redis lost its contents, or is a new one
    │   ├── LeaseLost           someone else may be running the job
    │   ├── JobNotFound         no such job, live or recorded
    │   ├── IllegalTransition   the job's state does not allow what was asked
    │   └── UnsafeServer        a Redis that would lose jobs by its own configuration
    ├── StoreError
    │   ├── StoreUnavailable    PostgreSQL cannot be reached
    │   └── MigrationMismatch   an applied migration differs from the one shipped
    ├── ScraperNotFound         no scraper is called that
    ├── ScheduleNotFound        no schedule is called that
    ├── ScheduleRefused         the schedule cannot do what was asked, and why
    ├── EngineError             an embedded engine does not start or stop
    └── ScrapeError             a scraper failed, with a class and whether to retry (subclasses live with the scrapers)

A class's docstring is its default message.
"""

from __future__ import annotations

from typing import Any

from pregao.domain.failure import FailureClass


class PregaoError(Exception):
    """Something went wrong in Pregão; see the message."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or type(self).__name__).strip())


class InvalidInput(PregaoError):
    """An input is invalid."""

    def __init__(self, field: str, value: object, problem: str, fix: str) -> None:
        """Name the field, the value that came, what is wrong with it, and what to write instead."""
        self.field, self.value, self.problem, self.fix = field, value, problem, fix
        shown = repr(value)
        if len(shown) > 120:
            shown = shown[:117] + "..."
        super().__init__(f"{field}: {shown} {problem}; {fix}")


class QueueError(PregaoError):
    """The queue could not do what was asked."""


class QueueUnavailable(QueueError):
    """Redis cannot be reached; check REDIS_URL, or start it with `pregao up`."""


class QueueFull(QueueError):
    """Redis is at maxmemory: running work can finish, but no new job is taken; let it drain, or raise maxmemory."""


class GenerationMissing(QueueError):
    """Redis has no generation marker: it was emptied or is new. `pregao recover` rebuilds live jobs from PostgreSQL."""


class LeaseLost(QueueError):
    """The lease of this attempt is gone: someone else may be running the job, so nothing was written."""


class JobNotFound(QueueError):
    """No such job. Jobs are listed by `pregao jobs list`."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"no job {job_id!r}; `pregao jobs list` shows those that exist")


class IllegalTransition(QueueError):
    """The job's state does not allow that."""

    def __init__(self, job_id: str, status: str, wish: str) -> None:
        """Say which job, the status it has, and what was asked of it."""
        self.job_id, self.status, self.wish = job_id, status, wish
        super().__init__(f"job {job_id} is {status}: it cannot be {wish}")


class UnsafeServer(QueueError):
    """This Redis server would lose jobs; change its configuration."""


class StoreError(PregaoError):
    """PostgreSQL could not do what was asked."""


class StoreUnavailable(StoreError):
    """PostgreSQL cannot be reached; check DATABASE_URL, or start it with `pregao up`."""


class MigrationMismatch(StoreError):
    """An applied migration differs from the file that is shipped; restore the file or the database."""


class ScraperNotFound(PregaoError):
    """No scraper is called that."""

    def __init__(self, name: str, suggestions: list[str]) -> None:
        """Say which name came, and those that come close to it."""
        self.name, self.suggestions = name, suggestions
        fix = f"did you mean {', '.join(suggestions)}?" if suggestions else "`pregao scrapers list` shows them"
        super().__init__(f"no scraper {name!r} is known; {fix}")


class ScheduleNotFound(PregaoError):
    """No schedule is called that."""

    def __init__(self, name: str, suggestions: list[str]) -> None:
        """Say which name came, and those that come close to it."""
        self.name, self.suggestions = name, suggestions
        fix = f"did you mean {', '.join(suggestions)}?" if suggestions else "`pregao schedules list` shows them"
        super().__init__(f"no schedule {name!r} is loaded; {fix}")


class ScheduleRefused(PregaoError):
    """The schedule cannot do that now."""

    def __init__(self, name: str, reason: str) -> None:
        """Say which schedule, and why not: "its scraper 'Nobody' is not installed"."""
        self.name, self.reason = name, reason
        super().__init__(f"schedule {name}: {reason}")


class EngineError(PregaoError):
    """An embedded engine did not start; its log is in the data directory."""


class ScrapeError(PregaoError):
    """A scraper failed. `metadata` is stored with the attempt: what is known of it all the same, such as its cost.

    `retry_after_seconds` is what the source asked to wait, None when it did not say.
    """

    retry_after_seconds: float | None = None

    def __init__(
        self, message: str, failure_class: FailureClass = FailureClass.ERROR, *, retryable: bool | None = None
    ) -> None:
        """Fail an attempt with a class; `retryable` overrides the class's own policy."""
        self.metadata: dict[str, Any] = {}
        self.failure_class = failure_class
        self.retryable = failure_class.retryable if retryable is None else retryable
        super().__init__(message)
