"""What the scripts take: requests, settlements and the rest as flat lists of arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
import orjson

from pregao.domain.clock import to_ms
from pregao.domain.job import JobSpec
from pregao.domain.names import fold
from pregao.queue.document import INLINE_RESULT_LIMIT_BYTES, body_of, body_with_result, label_of
from pregao.queue.facts import pack_result
from pregao.queue.messages import RestoredJob, Settlement
from pregao.queue.scripts import Argument

BATCH_LIMIT = 200
"""Jobs of one call at most: a script of ten milliseconds would hold up every other client."""

T = TypeVar("T")


def chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """`items` in pieces that one call may move."""
    return (items[start : start + BATCH_LIMIT] for start in range(0, len(items), BATCH_LIMIT))


def new_jobs(specs: Sequence[JobSpec]) -> list[Argument]:
    """For `enqueue`, `fire` and `adopt`."""
    arguments: list[Argument] = []
    for spec in specs:
        arguments += [*_request(spec), body_of(spec)]
    return arguments


def settled_attempt(item: Settlement) -> list[Argument]:
    """For `settle`."""
    claim, result, report = item.claim, item.result_json, item.report
    body = body_with_result(claim.raw_document, result)
    return [
        claim.spec.id,
        claim.token,
        "completed" if item.completed else "killed" if item.killed else "failed",
        1 if item.retryable else 0,
        item.delay_ms,
        body_of(claim.spec, result_json=result) if body is None else body,
        b"null" if report.error is None else orjson.dumps(report.error),
        msgspec.json.encode(report),
        b"" if result is None else pack_result(result, compress=len(result) > INLINE_RESULT_LIMIT_BYTES),
        (report.error_class or "") if item.counts and not item.completed else "",
    ]


def restored_job(job: RestoredJob) -> list[Argument]:
    """For `restore`."""
    return [
        *_request(job.spec),
        body_of(job.spec),
        orjson.dumps(job.error),
        job.attempt,
        job.retry_count,
        job.lost_count,
        job.version,
        "" if job.due_at is None else to_ms(job.due_at),
    ]


def fire_marks(marks: Mapping[str, datetime]) -> list[Argument]:
    """For `mark`."""
    return [part for name, moment in marks.items() for part in (name, to_ms(moment))]


def _request(spec: JobSpec) -> list[Argument]:
    return [
        spec.id,
        spec.priority.value,
        fold(spec.scraper_name),
        label_of(spec),
        spec.max_retries,
        spec.unique_key or "",
    ]
