"""What the queue recorded of every attempt, and which request at a website belongs to which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tests.chaos.long.source import Request
from tests.chaos.long.system import System

QUERY = """
SELECT j.job_id::text AS job_id, j.scraper_name, j.ticker, j.priority, a.attempt, a.token, a.worker, a.outcome,
    extract(epoch FROM a.started_at)::float8 AS started, extract(epoch FROM a.ended_at)::float8 AS ended
FROM job_attempts a JOIN jobs j USING (job_id)
"""


@dataclass
class Attempt:
    """One attempt by the queue's own account: the server's clock, seconds since the epoch.

    `number` is the part of the token that rises with every start; `pid` is the worker's.
    """

    job_id: str
    scraper: str
    ticker: str
    priority: str
    attempt: int
    number: int
    pid: int
    outcome: str
    started: float
    ended: float


@dataclass
class Asked:
    """A request and its attempt."""

    request: Request
    attempt: Attempt

    @property
    def late_seconds(self) -> float:
        """How long after the start of its attempt the website saw it."""
        return self.request.opened - self.attempt.started

    @property
    def outlived_its_lease(self) -> bool:
        """Sent for an attempt that had been taken away: by a worker that was frozen and did not know yet."""
        return self.attempt.outcome == "lost" and self.request.opened > self.attempt.ended


async def read_attempts(system: System) -> list[Attempt]:
    """All that are recorded, in the order in which they began."""
    found = [
        Attempt(
            row["job_id"], row["scraper_name"], row["ticker"], row["priority"], row["attempt"],
            int(row["token"].partition("-")[2]), int(row["worker"].split(":")[1]), row["outcome"],
            row["started"], row["ended"],
        )
        for row in await system.rows(QUERY)
    ]  # fmt: skip
    return sorted(found, key=lambda attempt: attempt.number)


def joined(requests: Iterable[Request], attempts: Iterable[Attempt]) -> list[Asked]:
    """Each request with its attempt: the last one of that ticker that began before it in its worker."""
    of_ticker = defaultdict(list)
    for attempt in attempts:
        of_ticker[attempt.ticker, attempt.pid].append(attempt)
    return [
        Asked(request, [a for a in of_ticker[request.ticker, request.pid] if a.started <= request.opened][-1])
        for request in requests
    ]
