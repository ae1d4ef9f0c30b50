"""What can still be recorded of a fact that PostgreSQL refuses, or of an entry that cannot be read. Pure."""

from __future__ import annotations

import msgspec

from pregao.domain.failure import FailureClass
from pregao.domain.job import JobSpec, JobStatus
from pregao.queue.facts import AttemptReport, EndedAttempt, Fact, JobFact, decode_entry

_SUSPECTS = (b"result", b"attempt", b"spec")
_INT4_MAX = 2**31 - 1


def salvage(entry_id: bytes, fields: dict[bytes, bytes]) -> Fact | None:
    """The bare state in an entry that cannot be read whole; None when not even that can be read."""
    rest = {name: value for name, value in fields.items() if name not in _SUSPECTS}
    try:
        return decode_entry(entry_id, rest)
    except Exception:  # noqa: BLE001 - the entry's own problem is reported by the caller
        return None


def reduced(fact: JobFact, problem: str) -> JobFact:
    """The same transition without the parts that may be at fault; what would have completed has failed instead."""
    state = JobStatus.FAILED if fact.state is JobStatus.COMPLETED else fact.state
    return msgspec.structs.replace(
        fact,
        state=state,
        attempt=_int4(fact.attempt),
        retry_count=_int4(fact.retry_count),
        lost_count=_int4(fact.lost_count),
        spec=None if fact.spec is None else _reduced_spec(fact.spec),
        ended_attempt=_reduced_attempt(fact, problem) if state.ended else None,
        result_json=None,
    )


def _reduced_spec(spec: JobSpec) -> JobSpec:
    return msgspec.structs.replace(spec, metadata={}, timeout_seconds=None, retried_from=None)


def _reduced_attempt(fact: JobFact, problem: str) -> EndedAttempt:
    attempt = fact.ended_attempt
    told = attempt.report.error if attempt and attempt.report.error else None
    return EndedAttempt(
        token=f"outbox entry {fact.entry_id}",
        attempt=max(1, _int4(fact.attempt)),
        worker=attempt.worker if attempt else "unknown",
        started_at=fact.at,
        ended_at=fact.at,
        outcome="cancelled" if fact.state is JobStatus.CANCELLED else "failed",
        report=AttemptReport(
            error=f"not recorded: {problem}" if told is None else f"{told} (not recorded whole: {problem})",
            error_class=FailureClass.VALIDATION.value,
        ),
    )


def _int4(number: int) -> int:
    return min(max(number, 0), _INT4_MAX)
