"""An idle worker: milliseconds from the producer's call to the first line of the job."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.contestant import PREGAO
from bench.engines import SERVER_CORE, WORKER_CORE
from bench.processes import ContestantFailed, run, started
from bench.session import Session
from bench.table import Goal, Outcome

JOBS, SLOTS = 200, 10
BOUNDS = {50: 0.75, 99: 0.9}


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of a hundred do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def measure(session: Session) -> list[Outcome]:
    """The producer sits on the server's core, the worker on the other; jobs come every 10 to 20 ms."""
    notes = "producer on the server's core"
    outcomes = {percent: Outcome(f"pick-up, p{percent}", "ms", notes=notes) for percent in BOUNDS}
    for who in session.turns():
        try:
            latencies = _latencies(session, who)
        except ContestantFailed as failure:
            outcomes[50].failed[who] = str(failure)
            continue
        for percent, outcome in outcomes.items():
            outcome.add(who, percentile(latencies, percent))
    for percent, outcome in outcomes.items():
        best = min((peer for peer in session.peers if peer in outcome.runs), key=outcome.figure, default=None)
        if best:
            ratio = outcome.ratio(PREGAO, best)
            outcome.goals = [Goal(f"p{percent}", ratio, BOUNDS[percent], at_least=False, against=best)]
    return list(outcomes.values())


def _latencies(session: Session, who: str) -> list[float]:
    jobs = session.jobs(JOBS)
    with started(session.engines, who, "pick_up", jobs, SLOTS, cores=[WORKER_CORE]) as worker:
        worker.figures()
        run(session.engines, who, "send", jobs, cores=[SERVER_CORE])
        milliseconds: list[float] = worker.figures()["milliseconds"]
        return milliseconds
