"""Redis memory for one pending job, once the outbox is recorded; ours is held against its document."""

from __future__ import annotations

import time
from typing import Any

from bench.contestant import PREGAO
from bench.driver import WARM_UP
from bench.session import Session
from bench.table import Goal, Outcome
from pregao.domain.job import JobPriority
from pregao.queue.keys import Keys

JOBS = 5_000
DOCUMENT = "pregao, its document alone"


def measure(session: Session) -> Outcome:
    """What a second load adds to `used_memory`: what the first one adds has scripts and connections in it."""
    outcome = Outcome("memory of a pending job", "bytes", notes="one run: it is the same every time")
    engines, jobs = session.engines, session.jobs(JOBS)
    for who in session.contestants:
        engines.empty()
        used: list[int] = []
        for _ in range(2):
            if session.run(outcome, who, "enqueue", jobs) is None:
                break
            if who == PREGAO:
                engines.forget_outbox()
            used.append(_used_memory(session))
        else:
            outcome.add(who, (used[1] - used[0]) / (jobs + WARM_UP))
            if who == PREGAO:
                outcome.add(DOCUMENT, _document_bytes(session))
    over = outcome.figure(PREGAO) - outcome.figure(DOCUMENT)
    outcome.goals = [Goal("bytes beyond the document", over, 500, at_least=False)]
    return outcome


def _used_memory(session: Session) -> int:
    """Without what waits for the append-only file, is on its way to clients, or is being freed: that is no job's."""
    while (memory := session.engines.redis.info("memory"))["lazyfree_pending_objects"]:
        time.sleep(0.01)
    return int(memory["used_memory"] - memory["mem_aof_buffer"] - memory["mem_clients_normal"])


def _document_bytes(session: Session) -> int:
    job_id: Any = session.engines.redis.lindex(Keys().ready(JobPriority.NORMAL), 0)
    return int(session.engines.redis.strlen(Keys().data(job_id.decode())))
