"""Enqueuing jobs one by one, each call awaited: jobs a second. For information, without a goal."""

from __future__ import annotations

from bench.session import Session
from bench.table import Outcome

JOBS = 3_000


def measure(session: Session) -> Outcome:
    """What a script that pushes one job feels."""
    outcome = Outcome("enqueue, one by one", "jobs/s")
    for who in session.turns():
        jobs = session.jobs(JOBS)
        if figures := session.run(outcome, who, "enqueue_one_by_one", jobs):
            outcome.add(who, jobs / figures["seconds"])
    return outcome
