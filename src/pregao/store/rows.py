"""Facts as rows: what a batch of facts leaves behind in each table. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from pregao.domain.clock import from_ms
from pregao.domain.errors import InvalidInput
from pregao.domain.fingerprint import fingerprint
from pregao.domain.job import JobSpec, JobStatus
from pregao.domain.names import fold
from pregao.queue.codec import encode_result, storable_object, storable_text
from pregao.queue.facts import AttemptReport, ControlFact, EndedAttempt, FiringFact, JobFact

Row: TypeAlias = tuple[Any, ...]
Name: TypeAlias = tuple[str, str | None]
"""Scraper and ticker of a job."""


class JobChange(msgspec.Struct):
    """What a batch says of one job: its newest state, and the parts that only some of its facts carry."""

    newest: JobFact
    spec: JobSpec | None = None
    ended_attempt: EndedAttempt | None = None
    tells_error: bool = False
    error: str | None = None
    error_class: str | None = None

    @property
    def order(self) -> tuple[int, int]:
        """(generation, version): the higher one is newer."""
        return self.newest.generation, self.newest.version


def changes_of(facts: Iterable[JobFact]) -> dict[str, JobChange]:
    """Job facts coalesced per job, by job id."""
    changes: dict[str, JobChange] = {}
    for fact in sorted(facts, key=lambda fact: (fact.generation, fact.version)):
        change = changes.setdefault(fact.job_id, JobChange(fact))
        change.newest = fact
        change.spec = change.spec or fact.spec
        if fact.ended_attempt is not None:
            _add_attempt(change, fact, fact.ended_attempt)
    return changes


def _add_attempt(change: JobChange, fact: JobFact, attempt: EndedAttempt) -> None:
    change.ended_attempt = attempt
    # An attempt that was given back says nothing against the job: the error of the one before stands.
    if attempt.outcome != "released" and fact.state is not JobStatus.PENDING:
        change.tells_error = True
        change.error = attempt.report.error
        change.error_class = attempt.report.error_class


def job_row(change: JobChange, spec: JobSpec) -> Row:
    """For `insert_jobs`. Raises InvalidInput when the request belongs to another job."""
    fact = change.newest
    if spec.id != fact.job_id:
        raise InvalidInput("spec.id", spec.id, f"is not the job {fact.job_id}", "write the job's own request")
    error, error_class = _error_of(change)
    return (
        fact.job_id,
        storable_text(spec.scraper_name),
        _text(spec.ticker),
        fact.priority.value,
        fact.state.value,
        spec.max_retries,
        spec.timeout_seconds,
        storable_object(spec.metadata).decode(),
        _text(spec.schedule_name),
        spec.fire_time,
        _text(spec.unique_key),
        spec.retried_from,
        spec.created_at,
        *_counts(fact),
        *_times(change),
        error,
        error_class,
        fact.at,
    )


def change_row(change: JobChange) -> Row:
    """For `update_jobs`."""
    fact = change.newest
    error, error_class = _error_of(change)
    tells_error = change.tells_error or fact.state in (JobStatus.FAILED, JobStatus.COMPLETED)
    return (
        fact.job_id,
        fact.state.value,
        fact.priority.value,
        *_counts(fact),
        *_times(change),
        tells_error,
        error,
        error_class,
        fact.at,
    )


def attempt_rows(facts: Iterable[JobFact], names: Mapping[str, Name]) -> list[Row]:
    """For `insert_attempts`: every attempt that ended in the batch. `names` are scraper and ticker by job."""
    return [
        _attempt_row(fact.job_id, fact.ended_attempt, names[fact.job_id])
        for fact in facts
        if fact.ended_attempt is not None
    ]


def _attempt_row(job_id: str, ended: EndedAttempt, name: Name) -> Row:
    report, completed = ended.report, ended.outcome == "completed"
    return (
        job_id,
        storable_text(ended.token),
        ended.attempt,
        storable_text(ended.worker),
        ended.outcome,
        None if completed else _text(report.error),
        None if completed else _text(report.error_class),
        _measured(report.response_time_seconds),
        _text(report.source),
        storable_object(report.metadata).decode(),
        ended.started_at,
        ended.ended_at,
        _fingerprint(ended, name),
        report.ignored and not completed,
        _text(report.footprint.logs),
        _measured(report.footprint.peak_memory_mb),
        _measured(report.footprint.cpu_seconds),
        _text(report.footprint.exit_signal),
    )


def _fingerprint(ended: EndedAttempt, name: Name) -> str | None:
    """Of what failed, and of what was put off for a failure; None for attempts that were merely given back."""
    report = ended.report
    failed = ended.outcome in ("failed", "lost") or (ended.outcome == "released" and report.error_class is not None)
    if not failed:
        return None
    scraper, ticker = name
    return fingerprint(report.error_class or ended.outcome, fold(scraper) or scraper, report.error or "", ticker)


def result_row(change: JobChange) -> Row | None:
    """For `upsert_results`: a row for a job that completed or failed, None for any other."""
    fact = change.newest
    if fact.state not in (JobStatus.COMPLETED, JobStatus.FAILED):
        return None
    report = change.ended_attempt.report if change.ended_attempt else AttemptReport()
    error, error_class = _error_of(change)
    return (
        fact.job_id,
        fact.state is JobStatus.COMPLETED,
        None if fact.result_json is None else fact.result_json.decode(),
        error,
        _measured(report.response_time_seconds),
        storable_object(report.metadata).decode(),
        fact.at,
        fact.generation,
        fact.version,
        fact.attempt,
        error_class,
        _text(report.source),
        report.ignored and fact.state is JobStatus.FAILED,
    )


def execution_row(fact: FiringFact) -> Row:
    """For `insert_executions`."""
    firing = fact.firing
    return (
        storable_text(firing.schedule_name),
        firing.fire_time,
        storable_text(firing.scraper_name),
        encode_result(firing.tickers).document.decode(),
        encode_result(firing.job_ids).document.decode(),
        firing.outcome,
        _text(firing.detail),
        fact.at,
        firing.run_id,
        _text(firing.requested_by),
    )


def audit_row(fact: ControlFact) -> Row:
    """For `insert_audit`."""
    before, after = _rule(fact.before), _rule(fact.after)
    return fact.at, storable_text(fact.who), storable_text(fact.name), before, after, fact.generation, fact.version


def control_rows(facts: Iterable[ControlFact]) -> list[Row]:
    """For `upsert_controls`: the newest value of each rule."""
    newest = {fact.name: fact for fact in sorted(facts, key=lambda fact: (fact.generation, fact.version))}
    return [
        (storable_text(name), storable_text(fact.after), fact.generation, fact.version, fact.at)
        for name, fact in sorted(newest.items())
    ]


def _rule(value: str) -> str | None:
    """A rule's value as JSON: the story of a pause, a number, or the text that it is; None for none."""
    if not value:
        return None
    ends, bar, story = value.partition("|")
    if bar and ends.isdigit():
        until = None if ends == "0" else from_ms(int(ends)).isoformat()
        return storable_object({"until": until, "told": storable_text(story)}).decode()
    return encode_result(int(value) if value.isdigit() else value).document.decode()


def columns(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Rows as the columns that `unnest` takes."""
    return list(zip(*rows, strict=True))


def _counts(fact: JobFact) -> Row:
    return fact.generation, fact.version, fact.attempt, fact.retry_count, fact.lost_count


def _times(change: JobChange) -> Row:
    """due_at, started_at, completed_at."""
    fact = change.newest
    due_at = (fact.due_at or fact.at) if fact.state is JobStatus.RETRY else None
    started_at = change.ended_attempt.started_at if change.ended_attempt else None
    return due_at, started_at, fact.at if fact.state.ended else None


def _error_of(change: JobChange) -> tuple[str | None, str | None]:
    state = change.newest.state
    if state is JobStatus.COMPLETED:
        return None, None
    error = _text(change.error)
    if state is JobStatus.FAILED and not error:
        error = "failed without saying why"
    return error, _text(change.error_class)


def _text(text: str | None) -> str | None:
    return None if text is None else storable_text(text)


def _measured(value: float | None) -> float | None:
    """A duration or size as it may be stored; one that nothing can have measured is unknown."""
    return round(value, 6) if value is not None and math.isfinite(value) and value >= 0 else None
