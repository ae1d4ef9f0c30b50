"""Enqueuing many jobs by the fastest call that each queue has: jobs a second."""

from __future__ import annotations

from bench.contestant import PREGAO
from bench.session import Session
from bench.table import Goal, Outcome

JOBS = {PREGAO: 20_000, "repid": 10_000, "taskiq": 6_000, "saq": 8_000, "arq": 5_000, "bullmq": 15_000}


def measure(session: Session) -> Outcome:
    """Queues without a bulk call send 100 single ones at once."""
    outcome = Outcome("enqueue, bulk", "jobs/s", notes="without a bulk call: 100 single ones at once")
    for who in session.turns():
        jobs = session.jobs(JOBS[who])
        if figures := session.run(outcome, who, "enqueue", jobs):
            outcome.add(who, jobs / figures["seconds"])
    if "bullmq" in outcome.runs:
        outcome.goals = [Goal("bulk enqueue", outcome.ratio(PREGAO, "bullmq"), 1.2, against="bullmq")]
    return outcome
