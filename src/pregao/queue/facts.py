"""Facts: what the scripts write to the outbox stream, and the recorder carries to PostgreSQL.

A job fact is the job's state after one transition, plus what only that transition knows: the request (when the job
is new), the attempt that ended, the result. A firing fact is what became of one occurrence of a schedule, a control
fact a change of what holds jobs back. The first field of an entry says which it is; its numbers and words stand in one
text with spaces between them, since every field costs the server time and memory.
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
FiringOutcome = Literal["fired", "late", "coalesced", "skipped", "missed", "manual"]

_COMPRESSED = b"z"
_PLAIN = b"j"


class AttemptReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker says of an attempt that ended. `error_class` is a FailureClass value; times are seconds.

    `ignored` is a failure that says nothing against the scraper: statistics and breakers leave it out.
    """

    error: str | None = None
    error_class: str | None = None
    response_time_seconds: float | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}
    ignored: bool = False
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
    """What became of one occurrence of a schedule, or of one run by hand.

    `fire_time` is the nominal instant, aware UTC; of a run by hand, the moment at which it was asked for. Only such a
    run has a `run_id` (a UUID), and `requested_by` if it is known.
    """

    schedule_name: str
    scraper_name: str
    fire_time: datetime
    outcome: FiringOutcome = "fired"
    tickers: list[str | None] = []
    job_ids: list[str] = []
    detail: str | None = None
    run_id: str | None = None
    requested_by: str | None = None


class FiringFact(msgspec.Struct, frozen=True):
    """A firing with the moment at which the scheduler handled it."""

    entry_id: str
    size_bytes: int
    generation: int
    at: datetime
    firing: Firing


class ControlFact(msgspec.Struct, frozen=True):
    """A change of one field of `control`. `before` and `after` are '' where there was nothing, or is nothing now."""

    entry_id: str
    size_bytes: int
    generation: int
    version: int
    at: datetime
    name: str
    before: str
    after: str
    who: str


Fact = JobFact | FiringFact | ControlFact


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
    if b"job" in fields:
        return _decode_job(entry_id.decode(), fields)
    if b"firing" in fields:
        generation, at = fields[b"at"].split()
        return FiringFact(
            entry_id=entry_id.decode(),
            size_bytes=entry_size(fields),
            generation=int(generation),
            at=from_ms(int(at)),
            firing=msgspec.json.decode(fields[b"firing"], type=Firing),
        )
    if b"control" in fields:
        return _decode_control(entry_id.decode(), fields)
    raise ValueError(f"outbox entry {entry_id.decode()} has none of the fields job, firing and control")


def job_id_of(fields: dict[bytes, bytes]) -> str:
    """The job that an entry is about, without reading the rest; '' for an entry about something else."""
    return fields.get(b"job", b"").split(b" ", 1)[0].decode(errors="replace")


def _decode_control(entry_id: str, fields: dict[bytes, bytes]) -> ControlFact:
    generation, version, at = fields[b"at"].split()
    name, before, after, who = (fields[field].decode() for field in (b"control", b"before", b"after", b"who"))
    return ControlFact(
        entry_id, entry_size(fields), int(generation), int(version), from_ms(int(at)), name, before, after, who
    )


def _decode_job(entry_id: str, fields: dict[bytes, bytes]) -> JobFact:
    job_id, generation, version, state, priority, attempt, retry_count, lost, at, due = (
        fields[b"job"].decode().split(" ")
    )
    spec, packed = fields.get(b"spec"), fields.get(b"result")
    moment = from_ms(int(at))
    return JobFact(
        entry_id=entry_id,
        size_bytes=entry_size(fields),
        job_id=job_id,
        generation=int(generation),
        version=int(version),
        state=JobStatus(state),
        priority=JobPriority(priority),
        attempt=int(attempt),
        retry_count=int(retry_count),
        lost_count=int(lost),
        at=moment,
        due_at=None if due == "-" else from_ms(int(due)),
        spec=None if spec is None else decode_spec(spec),
        ended_attempt=_decode_attempt(fields, int(attempt), moment) if b"attempt" in fields else None,
        result_json=None if packed is None else unpack_result(packed),
    )


def decode_spec(document: bytes) -> JobSpec:
    """Read the request of a job from its JSON; keys that a JobSpec does not have are ignored."""
    return msgspec.json.decode(document, type=JobSpec)


def _decode_attempt(fields: dict[bytes, bytes], attempt: int, ended_at: datetime) -> EndedAttempt:
    token, started, outcome, worker = fields[b"attempt"].decode().split(" ", 3)
    return EndedAttempt(
        token=token,
        attempt=attempt,
        worker=worker,
        started_at=from_ms(int(started)),
        ended_at=ended_at,
        outcome=msgspec.convert(outcome, AttemptOutcome),
        report=msgspec.json.decode(fields[b"report"], type=AttemptReport),
    )
