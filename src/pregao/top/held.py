"""The section of what is held back: pauses, breakers, logins, sources that asked to be left alone, and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.text import Text

from pregao.queue.bounds import Bound
from pregao.queue.breakers import Breaker
from pregao.queue.complaints import SLOWEST, Complaint
from pregao.queue.controls import Pause
from pregao.queue.gate_lines import brief
from pregao.queue.overview import Overview
from pregao.terminal import printable
from pregao.top.frame import Frame
from pregao.top.sections import WIDE, Cell, Column, Section, duration

_COLUMNS = (
    Column("held back", flexible=True, most=18),
    Column("by"),
    Column("jobs", right=True),
    Column("for", right=True, least_screen=WIDE),
    Column("until", right=True),
    Column("why", flexible=True),
)


def held(frame: Frame) -> Section | None:
    """What is held back, by what, since when and until when; None when nothing is, or nobody knows."""
    if frame.queue is None:
        return None
    rows = list(_rows(frame.queue))
    return Section(_COLUMNS, rows, "", modest=3) if rows else None


def _rows(queue: Overview) -> Iterator[list[Cell]]:
    gates, now = queue.gates, queue.now
    yield from (_pause_row(queue, pause) for pause in gates.controls.pauses)
    yield from (_breaker_row(queue, breaker) for breaker in gates.breakers.values())
    for name, hold in gates.logins.items():
        state = Text("needs login", style="bold red")
        yield _row(
            name, state, _parked(queue, name), now, since=hold.since, until=None, why=f"{hold.why} ({hold.host})"
        )
    yield from (_complaint_row(queue, complaint) for complaint in gates.complaints)
    yield from (_bound_row(queue, bound) for bound in gates.bounds if _parked(queue, bound.scraper))


def _pause_row(queue: Overview, pause: Pause) -> list[Cell]:
    scraper = pause.kind == "scraper"
    name, jobs = pause.name, _parked(queue, pause.name) if scraper else _ready(queue, pause.name)
    by, why = Text("pause", style="yellow"), f"{pause.why} ({pause.who})"
    shown = name if scraper else f"queue {name}"
    return _row(shown, by, jobs, queue.now, since=pause.since, until=pause.until, why=why)


def _breaker_row(queue: Overview, breaker: Breaker) -> list[Cell]:
    is_open = breaker.state == "open"
    by = Text(f"breaker {breaker.state}", style="bold red" if is_open else "yellow")
    run = breaker.run
    why = f"{breaker.why} ({breaker.who})" if run is None else f"{run.count}× {run.error_class}: {breaker.why}"
    until = breaker.until if is_open else None
    return _row(
        breaker.scraper, by, _parked(queue, breaker.scraper), queue.now, since=breaker.since, until=until, why=why
    )


def _bound_row(queue: Overview, bound: Bound) -> list[Cell]:
    by = {"off": "disabled", "cap": "limit", "rate": "rate", "interval": "distance"}[bound.kind]
    why = bound.why if bound.host is None else f"{bound.host} {bound.why}"
    jobs, now = _parked(queue, bound.scraper), queue.now
    return _row(bound.scraper, Text(by, style="yellow"), jobs, now, since=None, until=bound.until, why=why)


def _complaint_row(queue: Overview, complaint: Complaint) -> list[Cell]:
    names = [complaint.name]
    if complaint.kind == "host":
        names = [name for name, hosts in queue.gates.hosts.items() if complaint.name in hosts]
    state = Text("Retry-After" if complaint.until else "slowed", style="yellow")
    apart = f"{complaint.distance_seconds:g} s apart (level {complaint.level} of {SLOWEST})" if complaint.level else ""
    why = f"it asked to be left alone{'; then ' if apart else ''}{apart}" if complaint.until else apart
    jobs = sum(_parked(queue, name) for name in names)
    until = complaint.until or complaint.full_speed_at
    return _row(complaint.name, state, jobs, queue.now, since=None, until=until, why=why)


def _row(
    name: str, by: Text, jobs: int, now: datetime, *, since: datetime | None, until: datetime | None, why: str
) -> list[Cell]:
    return [
        printable(name), by, str(jobs),
        "-" if since is None else duration(now - since),
        "-" if until is None else f"in {duration(max(timedelta(), until - now))}",
        printable(brief(why)),
    ]  # fmt: skip


def _ready(queue: Overview, priority: str) -> int:
    return {known.value: count for known, count in queue.ready.by_priority.items()}.get(priority, 0)


def _parked(queue: Overview, scraper: str) -> int:
    return sum(queue.parked.get(scraper, {}).values())
