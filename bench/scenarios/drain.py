"""No-op jobs that wait already, one worker process: jobs a second until the last is settled."""

from __future__ import annotations

from bench.contestant import PREGAO, PROTOCOL
from bench.session import Session
from bench.table import Goal, Outcome

JOBS = {PREGAO: 15_000, PROTOCOL: 15_000, "repid": 20_000, "taskiq": 6_000, "saq": 4_000, "arq": 4_000, "bullmq": 3_000}
"""About two seconds each."""


def measure(session: Session) -> Outcome:
    """Settled through the queue; the results are not recorded yet."""
    outcome = Outcome("drain, settled", "jobs/s", notes="peers keep their defaults; the protocol row has no worker")
    for who in session.turns((PREGAO, PROTOCOL, *session.peers)):
        jobs = session.jobs(JOBS[who])
        if figures := session.run(outcome, who, "drain", jobs):
            outcome.add(who, jobs / figures["seconds"])
    outcome.goals = [
        Goal("settled", outcome.ratio(PREGAO, peer), bound, against=peer)
        for peer, bound in (("taskiq", 3.5), ("repid", 1.3))
        if peer in outcome.runs
    ]
    return outcome
