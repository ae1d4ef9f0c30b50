"""What holds jobs back, a line each for people. `at` writes a time as the reader is used to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from pregao.domain.clock import MARKET_ZONE
from pregao.domain.job import JobPriority
from pregao.domain.names import counted, fold
from pregao.queue.bounds import Bound
from pregao.queue.breakers import Breaker
from pregao.queue.complaints import SLOWEST, Complaint
from pregao.queue.controls import Pause
from pregao.queue.gates import Gates
from pregao.queue.login_holds import LoginHold

At = Callable[[datetime], str]
REASON_LENGTH = 200


def market_time(moment: datetime) -> str:
    """ISO 8601 with São Paulo's offset."""
    return moment.astimezone(MARKET_ZONE).isoformat(timespec="seconds")


def held_lines(gates: Gates, at: At) -> Iterator[str]:
    """All that is held, what people decided first."""
    yield from (pause_line(pause, at) for pause in gates.controls.pauses)
    yield from (breaker_line(breaker, at) for breaker in gates.breakers.values())
    yield from (login_line(name, hold, at) for name, hold in gates.logins.items())
    yield from (complaint_line(complaint, at) for complaint in gates.complaints)


def lines_about(scraper: str, gates: Gates, at: At) -> Iterator[str]:
    """What concerns the jobs of one scraper, failures in a row that opened no breaker so far included."""
    folded = fold(scraper)
    if pause := gates.pause_of(folded):
        yield pause_line(pause, at)
    if breaker := gates.breakers.get(folded):
        yield breaker_line(breaker, at)
    elif run := gates.failures.get(folded):
        yield f"its breaker is closed; it counts {run.text}"
    if login := gates.logins.get(folded):
        yield login_line(folded, login, at)
    yield from (complaint_line(complaint, at) for complaint in gates.complaints_about(folded))


def bound_lines(gates: Gates, parked: Mapping[str, Mapping[JobPriority, int]], at: At) -> Iterator[str]:
    """The bounds that are reached, with the jobs that wait for them."""
    for bound in gates.bounds:
        if jobs := sum(parked.get(bound.scraper, {}).values()):
            waits = f"{counted(jobs, 'job')} {'waits' if jobs == 1 else 'wait'}"
            yield (
                f"{bound_line(bound, at)}: {waits}"
                if bound.host is None
                else (f"{bound_line(bound, at)}: {waits} of scraper {bound.scraper}")
            )


def bound_line(bound: Bound, at: At) -> str:
    """A bound that is reached, and until when if time alone decides."""
    what = f"scraper {bound.scraper}" if bound.host is None else f"host {bound.host}"
    return f"{what} {bound.why}" if bound.until is None else f"{what} {bound.why} until {at(bound.until)}"


def why_held(scraper: str, priority: JobPriority, gates: Gates, at: At) -> Iterator[str]:
    """Why a job that is ready is not run now; nothing when only a free worker is missing.

    `gates` were read about the scraper, so that they have its bounds.
    """
    folded = fold(scraper)
    yield from (
        pause_line(pause, at)
        for pause in gates.controls.pauses
        if (pause.kind, pause.name) in (("priority", priority.value), ("scraper", folded))
    )
    if breaker := gates.breakers.get(folded):
        yield breaker_line(breaker, at)
    if login := gates.logins.get(folded):
        yield login_line(folded, login, at)
    yield from (complaint_line(complaint, at) for complaint in gates.complaints_about(folded))
    yield from (bound_line(bound, at) for bound in gates.bounds if bound.scraper == folded)


def pause_line(pause: Pause, at: At) -> str:
    """A pause: who, why, since and until."""
    what = "queue" if pause.kind == "priority" else "scraper"
    end = "until somebody resumes it" if pause.until is None else f"until {at(pause.until)}"
    return f"{what} {pause.name} is paused {end}: {pause.why} ({pause.who}, {at(pause.since)})"


def breaker_line(breaker: Breaker, at: At) -> str:
    """A breaker that is not closed: its state, why, since when, and who tripped it."""
    if breaker.state == "probing":
        state = "is probing, one job at a time"
    elif breaker.until is None:
        state = "is open until somebody resets it"
    else:
        state = f"is open until {at(breaker.until)}"
    by = f"{breaker.who}, {at(breaker.since)}" if breaker.run is None else f"since {at(breaker.since)}"
    return f"the breaker of {breaker.scraper} {state}: {brief(breaker.reason)} ({by})"


def login_line(scraper: str, hold: LoginHold, at: At) -> str:
    """A scraper that needs a login: why, where, since when."""
    return f"scraper {scraper} needs a login, and its jobs wait: {hold.why} (on {hold.host}, since {at(hold.since)})"


def complaint_line(complaint: Complaint, at: At) -> str:
    """A source that asked to be left alone: until when, and at which distance its jobs start then."""
    what = f"{complaint.kind} {complaint.name}"
    told = f"{what} asked to be left alone until {at(complaint.until)}" if complaint.until else f"{what} is slowed down"
    if not complaint.level:
        return told
    apart = f"jobs start {complaint.distance_seconds:g} s apart (level {complaint.level} of {SLOWEST})"
    end = f", full speed by {at(complaint.full_speed_at)}" if complaint.full_speed_at else ""
    return f"{told}; then {apart}{end}" if complaint.until else f"{told}: {apart}{end}"


def brief(text: str) -> str:
    """One line of it, cut where it goes on for too long.

    >>> brief("a\\n  b"), len(brief("x" * 500))
    ('a b', 200)
    """
    line = " ".join(text.split())
    return line if len(line) <= REASON_LENGTH else f"{line[: REASON_LENGTH - 1]}…"
