"""The life of a job as data: states, transitions, and what the contract's hand calls do from each state.

The queue's Lua files implement these moves, one file each; the model test checks that nothing else happens;
`docs/lifecycle.md` shows the same table and a test keeps the two equal.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pregao.domain.job import JobStatus

POISON_LIMIT = 3
"""Lost leases (or killed children) after which a job fails for good."""


class Transition(msgspec.Struct, frozen=True):
    """One legal move. `script` is the Lua file that makes it; `source` None means that the job is new."""

    script: str
    source: JobStatus | None
    target: JobStatus
    when: str


TRANSITIONS: tuple[Transition, ...] = (
    Transition("enqueue", None, JobStatus.PENDING, "accepted"),
    Transition("fire", None, JobStatus.PENDING, "a schedule's occurrence is due"),
    Transition("run", None, JobStatus.PENDING, "a schedule is run by hand"),
    Transition("resume", None, JobStatus.PENDING, "a firing of more jobs than a call takes goes on"),
    Transition("adopt", None, JobStatus.PENDING, "another producer pushed it: to the front, it waited already"),
    Transition("restore", None, JobStatus.PENDING, "rebuilt from PostgreSQL after Redis was lost"),
    Transition("restore", None, JobStatus.RETRY, "rebuilt from PostgreSQL while it waited for its retry"),
    Transition("claim", JobStatus.PENDING, JobStatus.RUNNING, "a worker takes it: attempt + 1, new token, lease"),
    Transition("claim", JobStatus.RETRY, JobStatus.RUNNING, "taken by id, by hand, before its retry was due"),
    Transition("settle", JobStatus.RUNNING, JobStatus.COMPLETED, "the attempt completed"),
    Transition("settle", JobStatus.RUNNING, JobStatus.RETRY, "the attempt failed and retries are left"),
    Transition("settle", JobStatus.RUNNING, JobStatus.FAILED, "the attempt failed: no retries left, or not retryable"),
    Transition("settle", JobStatus.RUNNING, JobStatus.CANCELLED, "the attempt failed after a cancel request"),
    Transition("release", JobStatus.RUNNING, JobStatus.PENDING, "the worker stops and gives it back, to the front"),
    Transition("release", JobStatus.RUNNING, JobStatus.RETRY, "given back for later; no retry is spent"),
    Transition("release", JobStatus.RUNNING, JobStatus.CANCELLED, "given back after a cancel request"),
    Transition("reclaim", JobStatus.RUNNING, JobStatus.PENDING, "its lease expired, or its worker died: to the front"),
    Transition("reclaim", JobStatus.RUNNING, JobStatus.FAILED, "its lease was lost three times: poison"),
    Transition("reclaim", JobStatus.RUNNING, JobStatus.CANCELLED, "its lease expired after a cancel request"),
    Transition("promote", JobStatus.RETRY, JobStatus.PENDING, "its retry is due, or was made due by hand"),
    Transition("cancel", JobStatus.PENDING, JobStatus.CANCELLED, "cancelled before it ran"),
    Transition("cancel", JobStatus.RETRY, JobStatus.CANCELLED, "cancelled while it waited for its retry"),
)


class HandMove(StrEnum):
    """What `JobQueue.update_status` and `update_job` do when a script asks for a status."""

    CLAIM = "claim the job by id"
    SETTLE = "settle with the held token"
    RELEASE = "give the held job back"
    CANCEL = "cancel it"
    NOTHING = "nothing to do: already so"
    REFUSE = "answer False"


HAND_MOVES: dict[tuple[JobStatus, JobStatus], HandMove] = {
    (JobStatus.PENDING, JobStatus.PENDING): HandMove.NOTHING,
    (JobStatus.PENDING, JobStatus.RUNNING): HandMove.CLAIM,
    (JobStatus.PENDING, JobStatus.CANCELLED): HandMove.CANCEL,
    (JobStatus.RETRY, JobStatus.RETRY): HandMove.NOTHING,
    (JobStatus.RETRY, JobStatus.RUNNING): HandMove.CLAIM,
    (JobStatus.RETRY, JobStatus.CANCELLED): HandMove.CANCEL,
    (JobStatus.RUNNING, JobStatus.RUNNING): HandMove.NOTHING,
    (JobStatus.RUNNING, JobStatus.COMPLETED): HandMove.SETTLE,
    (JobStatus.RUNNING, JobStatus.FAILED): HandMove.SETTLE,
    (JobStatus.RUNNING, JobStatus.RETRY): HandMove.SETTLE,
    (JobStatus.RUNNING, JobStatus.PENDING): HandMove.RELEASE,
    (JobStatus.RUNNING, JobStatus.CANCELLED): HandMove.CANCEL,
    (JobStatus.COMPLETED, JobStatus.COMPLETED): HandMove.NOTHING,
    (JobStatus.FAILED, JobStatus.FAILED): HandMove.NOTHING,
    (JobStatus.CANCELLED, JobStatus.CANCELLED): HandMove.NOTHING,
}
"""(status it has, status asked for) → what happens. A pair that is not here is refused."""


def hand_move(current: JobStatus, wanted: JobStatus) -> HandMove:
    """What a script's wish for `wanted` does to a job that is `current`."""
    return HAND_MOVES.get((current, wanted), HandMove.REFUSE)


def allowed_targets(source: JobStatus | None) -> frozenset[JobStatus]:
    """The states that a job in `source` may move to."""
    return frozenset(move.target for move in TRANSITIONS if move.source == source)
