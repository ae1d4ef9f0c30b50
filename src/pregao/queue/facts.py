"""Facts: what the scripts write to the outbox stream, and the recorder carries to PostgreSQL.

A job fact is the job's state after one transition, plus what only that transition knows: the request (when the job
is new), the attempt that ended, the result. A firing fact is what became of one occurrence of a schedule.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any, Literal

import msgspec

from pregao.domain.clock import from_ms
from pregao.domain.footprint import NO_FOOTPRINT, Footprint
from pregao.domain.job import JobPriority, JobSpec, JobStatus

AttemptOutcome = Literal["completed", "failed", "lost", "released", "cancelled"]
FiringOutcome = Literal["fired", "late", "coalesced", "skipped", "missed"]

_COMPRESSED = b"z"
_PLAIN = b"j"


class AttemptReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker says of an attempt that ended. `error_class` is a FailureClass value; times are seconds."""

    error: str | None = None
    error_class: str | None = None
    response_time_seconds: float | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}
    footprint: Footprint = NO_FOOTPRINT


class EndedAttempt(msgspec.Struct, frozen=True):
    """One attempt that is over. `token` is unique for the job; times are aware UTC."""

    token: str
    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime
    outcome: AttemptOutcome
    report: AttemptReport


class JobFact(msgspec.Struct, frozen=True):
    """A job's state after a transition. (generation, version) orders the facts of one job."""

    entry_id: str
    size_bytes: int
    job_id: str
    generation: int
    version: int
    state: JobStatus
    priority: JobPriority
    attempt: int
    retry_count: int
    lost_count: int
    at: datetime
    due_at: datetime | None
    spec: JobSpec | None
    ended_attempt: EndedAttempt | None
    result_json: bytes | None


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one occurrence of a schedule. `fire_time` is the nominal instant, aware UTC."""

    schedule_name: str
    scraper_name: str
    fire_time: datetime
    outcome: FiringOutcome = "fired"
    tickers: list[str | None] = []
    job_ids: list[str] = []
    detail: str | None = None


class FiringFact(msgspec.Struct, frozen=True):
    """A firing with the moment at which the scheduler handled it."""

    entry_id: str
    size_bytes: int
    generation: int
    at: datetime
    firing: Firing


Fact = JobFact | FiringFact


def pack_result(document: bytes, *, compress: bool) -> bytes:
    """Put a result's JSON into its form in the stream: one letter that says how, then the bytes."""
    return _COMPRESSED + zlib.compress(document, 1) if compress else _PLAIN + document


def unpack_result(packed: bytes) -> bytes:
    """Undo `pack_result`. Raises ValueError on an unknown letter."""
    kind, document = packed[:1], packed[1:]
    if kind == _COMPRESSED:
        return zlib.decompress(document)
    if kind == _PLAIN:
        return document
    raise ValueError(f"a result in the outbox starts with {kind!r}; known are {_PLAIN!r} and {_COMPRESSED!r}")


def entry_size(fields: dict[bytes, bytes]) -> int:
    """Bytes that an outbox entry counts for in `outbox_bytes`: its names and values, as the scripts add them up."""
    return sum(len(name) + len(value) for name, value in fields.items())


def decode_entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Fact:
    """Read one entry of the outbox stream. Raises ValueError, KeyError or msgspec.DecodeError on a malformed one."""
    kind = fields[b"kind"]
    if kind == b"job":
        return _decode_job(entry_id.decode(), fields)
    if kind == b"firing":
        return FiringFact(
            entry_id=entry_id.decode(),
            size_bytes=entry_size(fields),
            generation=int(fields[b"generation"]),
            at=from_ms(int(fields[b"at"])),
            firing=msgspec.json.decode(fields[b"firing"], type=Firing),
        )
    raise ValueError(f"outbox entry {entry_id.decode()} is of kind {kind!r}; known are job and firing")


def _decode_job(entry_id: str, fields: dict[bytes, bytes]) -> JobFact:
    due, spec, packed = fields.get(b"due"), fields.get(b"spec"), fields.get(b"result")
    return JobFact(
        entry_id=entry_id,
        size_bytes=entry_size(fields),
        job_id=fields[b"id"].decode(),
        generation=int(fields[b"generation"]),
        version=int(fields[b"version"]),
        state=JobStatus(fields[b"state"].decode()),
        priority=JobPriority(fields[b"priority"].decode()),
        attempt=int(fields[b"attempt"]),
        retry_count=int(fields[b"retry_count"]),
        lost_count=int(fields[b"lost"]),
        at=from_ms(int(fields[b"at"])),
        due_at=None if due is None else from_ms(int(due)),
        spec=None if spec is None else decode_spec(spec),
        ended_attempt=_decode_attempt(fields) if b"token" in fields else None,
        result_json=None if packed is None else unpack_result(packed),
    )


def decode_spec(document: bytes) -> JobSpec:
    """Read the request of a job from its JSON; keys that a JobSpec does not have are ignored."""
    return msgspec.json.decode(document, type=JobSpec)


def _decode_attempt(fields: dict[bytes, bytes]) -> EndedAttempt:
    return EndedAttempt(
        token=fields[b"token"].decode(),
        attempt=int(fields[b"attempt"]),
        worker=fields[b"worker"].decode(),
        started_at=from_ms(int(fields[b"started"])),
        ended_at=from_ms(int(fields[b"at"])),
        outcome=msgspec.convert(fields[b"outcome"].decode(), AttemptOutcome),
        report=msgspec.json.decode(fields[b"report"], type=AttemptReport),
    )
