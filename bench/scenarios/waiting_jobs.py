"""Jobs that mostly wait, as scrapers do: 50 ms each at 100 slots, against the ideal of 2,000 a second."""

from __future__ import annotations

from bench.contestant import PREGAO
from bench.session import Session
from bench.table import Goal, Outcome

JOBS, SLOTS, JOB_SECONDS = 6_000, 100, 0.05
IDEAL = SLOTS / JOB_SECONDS


def measure(session: Session) -> Outcome:
    """Settled jobs a second."""
    outcome = Outcome("50 ms jobs, 100 slots", "jobs/s", notes=f"ideal {IDEAL:,.0f}")
    for who in session.turns([name for name in session.contestants if name in (PREGAO, "repid", "taskiq")]):
        jobs = session.jobs(JOBS) if who == PREGAO else session.jobs(JOBS // 2)
        if figures := session.run(outcome, who, "nap", jobs, SLOTS):
            outcome.add(who, jobs / figures["seconds"])
    outcome.goals = [Goal("share of the ideal", outcome.figure(PREGAO) / IDEAL, 0.95)]
    return outcome
