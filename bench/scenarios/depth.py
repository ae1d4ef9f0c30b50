"""Whether a long queue is slower: the first jobs of 200,000 over three priorities, against 2,000."""

from __future__ import annotations

import asyncio
from itertools import cycle

from bench.contestant import PREGAO
from bench.contestants.pregao import new_spec
from bench.session import Session
from bench.table import Goal, Outcome
from pregao.domain.job import JobPriority
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis

DEEP, SHALLOW = 200_000, 2_000
RUNS, SLOTS = 5, 200
FULL_SPEED = 0.95
"""As fast, within what two runs of the same differ by."""


def measure(session: Session) -> Outcome:
    """Both run `SHALLOW` jobs at a time; the deep queue is filled once and each run takes its turn from it."""
    outcome = Outcome("deep queue", "jobs/s", notes="to the start of the last of 2,000 jobs")
    shallow, deep = session.jobs(SHALLOW), session.jobs(DEEP)
    engines = session.engines
    for count, fills in ((shallow, RUNS), (deep, 1)):
        for turn in range(RUNS):
            if turn < fills:
                engines.empty()
                asyncio.run(_fill(engines.url, count))
                engines.forget_outbox()
            figures = session.run(outcome, PREGAO, "run_waiting", shallow, SLOTS)
            session.note_scripts()
            assert figures is not None
            outcome.add(f"pregao, {count:,} waiting", shallow / figures["seconds"])
    names = list(outcome.runs)
    outcome.goals = [Goal("deep to shallow", outcome.ratio(names[1], names[0]), FULL_SPEED)]
    return outcome


async def _fill(url: str, count: int) -> None:
    redis = open_redis(url)
    try:
        commands = QueueCommands(redis)
        priorities = cycle(JobPriority)
        await commands.enqueue([new_spec(number, next(priorities)) for number in range(count)])
    finally:
        await redis.aclose()
