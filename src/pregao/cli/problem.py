"""How a command tells that it failed: a sentence for people, a problem document (RFC 9457) for programs."""

from __future__ import annotations

import json
from typing import Any, Final

import typer

from pregao.domain.errors import (
    EngineError,
    GenerationMissing,
    IllegalTransition,
    InvalidInput,
    JobNotFound,
    MigrationMismatch,
    PregaoError,
    QueueFull,
    QueueUnavailable,
    ScheduleNotFound,
    ScheduleRefused,
    ScraperNotFound,
    StoreUnavailable,
    UnsafeServer,
)

FAILED, BAD_INPUT, TIMED_OUT = 1, 2, 2
_TYPE = "urn:pregao:problem:"


class WaitTimedOut(PregaoError):
    """The wait came to its timeout, and the job goes on."""


# The first class that fits; the kinds that the API has as well are the same there.
_KINDS: Final[dict[type[PregaoError], tuple[str, str]]] = {
    InvalidInput: ("invalid-input", "The input is invalid"),
    JobNotFound: ("job-not-found", "No such job"),
    IllegalTransition: ("illegal-transition", "The job's status does not allow that"),
    ScheduleNotFound: ("schedule-not-found", "No such schedule"),
    ScraperNotFound: ("scraper-not-found", "No such scraper"),
    ScheduleRefused: ("schedule-refused", "The schedule cannot do that now"),
    QueueUnavailable: ("queue-unavailable", "Redis cannot be reached"),
    QueueFull: ("queue-full", "The queue is full"),
    GenerationMissing: ("queue-rebuilding", "The queue is being rebuilt"),
    UnsafeServer: ("unsafe-server", "This Redis would lose jobs"),
    StoreUnavailable: ("store-unavailable", "PostgreSQL cannot be reached"),
    MigrationMismatch: ("migration-mismatch", "The database is of another version"),
    WaitTimedOut: ("wait-timed-out", "The wait came to its timeout"),
    EngineError: ("engine", "An embedded engine does not run"),
    PregaoError: ("failed", "It failed"),
}


def tell(error: PregaoError, *, as_json: bool) -> int:
    """Say on stderr what went wrong; the exit code that goes with it."""
    match error:
        case InvalidInput():
            code = BAD_INPUT
        case WaitTimedOut():
            code = TIMED_OUT
        case _:
            code = FAILED
    if as_json:
        typer.echo(json.dumps(problem_document(error, code), ensure_ascii=False, default=str), err=True)
    else:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
    return code


def problem_document(error: PregaoError, exit_code: int) -> dict[str, Any]:
    """The error as a problem: type, title, detail, exit_code, and `errors` with the fields of bad input."""
    kind, title = next(told for known, told in _KINDS.items() if isinstance(error, known))
    document: dict[str, Any] = {"type": _TYPE + kind, "title": title, "detail": str(error), "exit_code": exit_code}
    if isinstance(error, InvalidInput):
        several: list[InvalidInput] = getattr(error, "problems", [error])
        document["errors"] = [
            {"field": one.field, "value": one.value, "problem": one.problem, "fix": one.fix} for one in several
        ]
    if isinstance(error, IllegalTransition):
        document |= {"job_id": error.job_id, "job_status": error.status}
    return document


def wants_json(words: list[str]) -> bool:
    """Whether a command line asks for JSON. Looked up here, since an error may come before the options are read."""
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options
