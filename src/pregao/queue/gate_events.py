"""Events of what holds the jobs of a scraper: a breaker that opens or closes, a login that is needed or was renewed.

They have the fields of the contract's events, so that a subscriber may read them as any other; since they are about no
job, `job_id` is null.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pregao.queue.facts import ControlFact

_TOLD = {
    "open:scraper:": (("breaker_opened", "open"), ("breaker_closed", "closed")),
    "login:scraper:": (("login_needed", "needs login"), ("login_renewed", "logged in")),
}
"""By kind of rule: event and status when it is set, and when it is taken away."""


class _Story(msgspec.Struct, frozen=True):
    why: str | None = None
    error: str | None = None


def gate_event(fact: ControlFact) -> dict[str, Any] | None:
    """The event of a change; None for one that is none. `scraper_name` is folded; `why` is null when it is over."""
    for prefix, told in _TOLD.items():
        if fact.name.startswith(prefix) and fact.before != fact.after:
            name, status = told[0] if fact.after else told[1]
            return {
                "event": name,
                "job_id": None,
                "scraper_name": fact.name.removeprefix(prefix),
                "ticker": None,
                "status": status,
                "success": None,
                "timestamp": fact.at.isoformat(timespec="milliseconds"),
                "event_id": f"{fact.name}:{fact.generation}:{fact.version}:{name}",
                "who": fact.who,
                "why": _why(fact.after),
            }
    return None


def _why(rule: str) -> str | None:
    """The reason in a rule's story, if it has one that can be read."""
    try:
        story = msgspec.json.decode(rule.partition("|")[2] or "{}", type=_Story)
    except msgspec.MsgspecError:
        return None
    return story.error or story.why
