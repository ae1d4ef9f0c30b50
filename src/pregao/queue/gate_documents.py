"""What holds jobs back as every door shows it: times are ISO 8601 in São Paulo's offset, null stands for none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pregao.domain.clock import market_iso
from pregao.domain.job import JobPriority
from pregao.domain.names import fold
from pregao.queue.breakers import Breaker, FailureRun
from pregao.queue.complaints import Complaint
from pregao.queue.controls import Pause
from pregao.queue.gates import Gates
from pregao.queue.login_holds import LoginHold


def held_document(gates: Gates) -> dict[str, Any]:
    """`paused`, `breakers`, `slowed` and `logins`: a list each, empty when nothing is held."""
    return {
        "paused": [pause_document(pause) for pause in gates.controls.pauses],
        "breakers": [{"scraper": name, **breaker_document(breaker, None)} for name, breaker in gates.breakers.items()],
        "slowed": [complaint_document(complaint) for complaint in gates.complaints],
        "logins": [{"scraper": name, **login_document(hold)} for name, hold in gates.logins.items()],
    }


def held_of(scraper: str, gates: Gates, parked: Mapping[str, Mapping[JobPriority, int]]) -> dict[str, Any]:
    """What holds the jobs of one scraper, and how many are `parked`; its `breaker` is told of when it is closed too."""
    folded = fold(scraper)
    login, pause = gates.logins.get(folded), gates.pause_of(folded)
    return {
        "login": None if login is None else login_document(login),
        "breaker": breaker_document(gates.breakers.get(folded), gates.failures.get(folded)),
        "slowed": [complaint_document(complaint) for complaint in gates.complaints_about(folded)],
        "paused": None if pause is None else pause_document(pause),
        "parked": sum(parked.get(folded, {}).values()),
    }


def nothing_known() -> dict[str, Any]:
    """The same while Redis is away."""
    return dict.fromkeys(("login", "breaker", "slowed", "paused", "parked"))


def pause_document(pause: Pause) -> dict[str, Any]:
    """One pause; `until` is null for one without an end."""
    return {
        pause.kind: pause.name,
        "who": pause.who,
        "why": pause.why,
        "since": market_iso(pause.since),
        "until": market_iso(pause.until),
    }


def breaker_document(breaker: Breaker | None, run: FailureRun | None) -> dict[str, Any]:
    """A breaker; of one that is closed (None) only `run`, the failures in a row that are counted."""
    counted = run if breaker is None else breaker.run
    return {
        "state": "closed" if breaker is None else breaker.state,
        "since": None if breaker is None else market_iso(breaker.since),
        "until": None if breaker is None else market_iso(breaker.until),
        "who": None if breaker is None else breaker.who,
        "why": None if breaker is None else breaker.reason,
        "error_class": None if counted is None else counted.error_class,
        "failures": 0 if counted is None else counted.count,
    }


def complaint_document(complaint: Complaint) -> dict[str, Any]:
    """A source that complained; `until` is null once its jobs may start again, `distance_seconds` apart."""
    return {
        complaint.kind: complaint.name,
        "until": market_iso(complaint.until),
        "level": complaint.level,
        "distance_seconds": complaint.distance_seconds,
        "full_speed_at": market_iso(complaint.full_speed_at),
    }


def login_document(hold: LoginHold) -> dict[str, Any]:
    """Why the jobs of a scraper wait for a login, and where."""
    return {"why": hold.why, "host": hold.host, "since": market_iso(hold.since)}
