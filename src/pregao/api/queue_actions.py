"""What can be asked of the queue as a whole, at any door: what holds jobs back, and to change it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from pregao.domain.clock import Clock, SystemClock, market_iso
from pregao.domain.errors import InvalidInput
from pregao.domain.job import JobPriority
from pregao.queue.controls import FAIR, Controls, Pause, PauseKind, cap_field, pause_field, pause_value
from pregao.queue.gate_documents import held_document
from pregao.runtime import Runtime
from pregao.store.history import History

LONG_PAUSE = timedelta(hours=24)
"""A pause without an end that lasts longer than this has probably been forgotten."""


class Target(msgspec.Struct, frozen=True):
    """A queue or a scraper, by the name that its rules are kept under and the one that people read."""

    kind: PauseKind
    name: str
    shown: str


class QueueActions:
    """One runtime's queue. All methods raise QueueUnavailable and GenerationMissing."""

    def __init__(self, runtime: Runtime, clock: Clock | None = None) -> None:
        self._runtime = runtime
        self._clock = clock or SystemClock()

    def target(self, priority: JobPriority | None, scraper_name: str | None) -> Target:
        """What a rule is about: exactly one of the two. Raises InvalidInput for a name that is not certain."""
        if (priority is None) == (scraper_name is None):
            raise InvalidInput("priority", priority, "and scraper_name are one of two", "name a queue or a scraper")
        if priority is not None:
            return Target("priority", priority.value, f"queue {priority.value}")
        name = self._runtime.registry.resolve_known(str(scraper_name))
        return Target("scraper", name, f"scraper {name}")

    async def pause(self, target: Target, *, who: str, why: str, until: datetime | None) -> dict[str, Any]:
        """Let the target's jobs wait; a second call replaces the reason. Raises InvalidInput for an end in the past."""
        now = await self._runtime.commands.server_time()
        if until is not None and until <= now:
            raise InvalidInput("until", market_iso(until), "is in the past", "name a later time, or leave it out")
        pause = Pause(kind=target.kind, name=target.name, who=who, why=why, since=now, until=until)
        await self._runtime.commands.control(pause.field, pause_value(pause), who)
        return await self.controls()

    async def resume(self, target: Target, *, who: str) -> tuple[dict[str, Any], bool]:
        """Take a pause away; whether there was one."""
        before = await self._runtime.commands.control(pause_field(target.kind, target.name), "", who)
        return await self.controls(), bool(before)

    async def cap(self, target: Target, concurrency: int | None, *, who: str) -> dict[str, Any]:
        """How many of a scraper's jobs may run at once; None for any number. Raises InvalidInput for a queue."""
        if target.kind != "scraper":
            raise InvalidInput("priority", target.name, "has no cap", "name a scraper")
        await self._runtime.commands.control(
            cap_field(target.name), "" if concurrency is None else str(concurrency), who
        )
        return await self.controls()

    async def fair(self, every: int | None, *, who: str) -> dict[str, Any]:
        """Of how many jobs one comes from a lower queue; None for strict order."""
        await self._runtime.commands.control(FAIR, "" if every is None else str(every), who)
        return await self.controls()

    async def controls(self) -> dict[str, Any]:
        """What holds jobs back now, and what it holds back."""
        gates, parked = await self._runtime.views.gates(), await self._runtime.views.parked()
        counts = {scraper: {priority.value: count for priority, count in by.items()} for scraper, by in parked.items()}
        rules = gates.controls
        return {**held_document(gates), "caps": rules.caps, "fair": rules.fair or None, "parked": counts}

    async def audit(self, limit: int) -> list[dict[str, Any]]:
        """The newest changes, with who made them. Raises StoreUnavailable."""
        return await History(self._runtime.pool).audit(limit)


def forgotten(controls: Controls, now: datetime) -> list[str]:
    """A line for each pause that somebody may have forgotten."""
    return [
        f"{'queue' if pause.kind == 'priority' else 'scraper'} {pause.name} has been paused since "
        f"{market_iso(pause.since)} by {pause.who} ({pause.why}), without an end"
        for pause in controls.pauses
        if pause.until is None and now - pause.since > LONG_PAUSE
    ]
