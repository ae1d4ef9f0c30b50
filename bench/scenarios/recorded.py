"""The same jobs end to end: until PostgreSQL holds every result, everything on the same two cores."""

from __future__ import annotations

from bench.contestant import PREGAO
from bench.recorder import recording, wait_until_recorded
from bench.session import Session
from bench.table import Goal, Outcome
from pregao.domain.job import JobPriority
from pregao.queue.keys import Keys

JOBS, TASKIQ_JOBS = 8_000, 6_000


def measure(session: Session) -> Outcome:
    """Ours with the recorder, beside Taskiq, which records nothing. Enqueuing is over and recorded before."""
    outcome = Outcome(
        "drain, recorded", "jobs/s", notes="recorder and PostgreSQL on both cores; Taskiq keeps no results"
    )
    for who in session.turns([name for name in session.contestants if name in (PREGAO, "taskiq")]):
        if who == PREGAO:
            outcome.add(who, _recorded(session, outcome))
        elif figures := session.run(outcome, who, "drain", session.jobs(TASKIQ_JOBS)):
            outcome.add(who, session.jobs(TASKIQ_JOBS) / figures["seconds"])
    if "taskiq" in outcome.runs:
        outcome.goals = [Goal("recorded", outcome.ratio(PREGAO, "taskiq"), 2.0, against="taskiq")]
    return outcome


def _recorded(session: Session, outcome: Outcome) -> float:
    """Jobs a second from the start of the first until the last result is visible."""
    engines = session.engines
    with recording(engines):
        session.run(outcome, PREGAO, "enqueue", session.jobs(JOBS))
        wait_until_recorded(engines)
        jobs = engines.redis.llen(Keys().ready(JobPriority.NORMAL))
        figures = session.run(outcome, PREGAO, "drain_waiting", jobs)
        ended = wait_until_recorded(engines)
        assert figures is not None
        results = engines.query("SELECT count(*) FROM scraper_results")
    if results != jobs:
        raise AssertionError(f"{jobs} jobs ran, PostgreSQL has {results} results")
    return jobs / (ended - float(figures["began"]))
