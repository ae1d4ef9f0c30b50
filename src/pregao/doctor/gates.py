"""What holds jobs back: pauses, breakers, logins, sources that asked to be left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import redis.asyncio as redis_async

from pregao.doctor.finding import Finding, named, ok, warning
from pregao.queue.complaints import Complaint
from pregao.queue.gate_lines import breaker_line, complaint_line, login_line, market_time, pause_line
from pregao.queue.gates import Gates
from pregao.queue.views import QueueViews
from pregao.settings import Settings


async def look_at_gates(redis: redis_async.Redis, settings: Settings) -> AsyncIterator[Finding]:
    """What is held back, by whom and why, and what to do about it. Raises QueueUnavailable, QueueError."""
    views = QueueViews(redis, settings.key_prefix)
    gates = await views.gates()
    parked = sum(count for by_priority in (await views.parked()).values() for count in by_priority.values())
    for finding in _findings(gates):
        yield finding
    if parked:
        yield ok("pauses", f"{parked} jobs are held back; `pregao queue controls` says by what")


def _findings(gates: Gates) -> Iterator[Finding]:
    for pause in gates.controls.pauses:
        option = "--priority" if pause.kind == "priority" else "--scraper"
        yield warning("pauses", pause_line(pause, market_time), f"pregao queue resume {option} {pause.name}")
    for name, breaker in gates.breakers.items():
        reset = f"`pregao scrapers reset {name}`"
        cure = f"see `pregao jobs failures --scraper {name}`; it closes when a job completes, or by {reset}"
        yield warning("breakers", breaker_line(breaker, market_time), reset if breaker.run is None else cure)
    for name, hold in gates.logins.items():
        cure = "log in and write the file anew: its jobs run within seconds"
        yield warning("logins", login_line(name, hold, market_time), cure)
    for complaint in gates.complaints:
        yield warning("sources", complaint_line(complaint, market_time), _less(complaint, gates))


def _less(complaint: Complaint, gates: Gates) -> str:
    """How to ask a source less."""
    if complaint.kind == "scraper":
        name = complaint.name
        return f"ask it less: `pregao scrapers set {name} rate=…`; `pregao scrapers reset {name}` ends it"
    scrapers = sorted(name for name, hosts in gates.hosts.items() if complaint.name in hosts)
    if not scrapers:
        return f"ask it less: a lower rate for {complaint.name} in the file of limits"
    end = f"`pregao scrapers reset {scrapers[0]} --hosts` ends it"
    return f"ask it less: a lower rate for {complaint.name} in the file of limits, or for {named(scrapers)}; {end}"
