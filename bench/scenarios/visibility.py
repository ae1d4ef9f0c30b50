"""From the settlement of a job to its row in PostgreSQL, on an otherwise idle system."""

from __future__ import annotations

import json
import time
from datetime import datetime

from bench.contestant import PREGAO
from bench.engines import SERVER_CORE, WORKER_CORE
from bench.processes import LIMIT_SECONDS, started
from bench.recorder import recording
from bench.scenarios.pick_up import percentile
from bench.session import Session
from bench.table import Goal, Outcome
from pregao.queue.keys import Keys

JOBS, SLOTS = 300, 10


def measure(session: Session) -> Outcome:
    """The event of a job that ended is published after the commit: when it arrives, the row is visible."""
    outcome = Outcome("settled to row visible", "ms", notes="from the settlement's time to the event after the commit")
    session.engines.empty()
    with (
        recording(session.engines),
        started(session.engines, PREGAO, "work", slots=SLOTS, cores=[WORKER_CORE]) as worker,
    ):
        worker.figures()
        lags = _lags(session)
    session.note_scripts()
    for percent in (50, 99):
        outcome.add(f"pregao, p{percent}", percentile(lags, percent))
    outcome.goals = [Goal("p99 in ms", outcome.figure("pregao, p99"), 250, at_least=False)]
    return outcome


def _lags(session: Session) -> list[float]:
    jobs, lags = session.jobs(JOBS), list[float]()
    deadline = time.monotonic() + LIMIT_SECONDS
    with session.engines.redis.pubsub(ignore_subscribe_messages=True) as events:
        events.subscribe(Keys().events)
        with started(session.engines, PREGAO, "send", jobs, cores=[SERVER_CORE]):
            while len(lags) < jobs:
                message = events.get_message(timeout=1.0)
                if message is None and time.monotonic() > deadline:
                    raise TimeoutError(f"only {len(lags)} of {jobs} jobs were recorded")
                event = json.loads(message["data"]) if message else {}
                if event.get("event") == "job_completed":
                    lags.append((time.time() - datetime.fromisoformat(event["timestamp"]).timestamp()) * 1000)
    return lags
