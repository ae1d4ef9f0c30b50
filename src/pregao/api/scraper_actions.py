"""What can be asked of scrapers at any door, the API's or the command line's: facts, limits, and to change them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from loguru import logger

from pregao.api.actions import JobActions
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import InvalidInput, QueueError, ScraperNotFound, StoreUnavailable
from pregao.domain.job import JobPriority
from pregao.domain.names import fold
from pregao.limits.changes import read_changes
from pregao.limits.layers import Setting
from pregao.limits.values import plain
from pregao.queue.breakers import Lifted
from pregao.queue.gate_documents import held_of, nothing_known
from pregao.queue.gates import Gates
from pregao.runtime import Runtime
from pregao.scrapers.registry import Entry
from pregao.store.history import History
from pregao.store.scraper_overrides import ScraperOverrides

OBSERVED = timedelta(days=7)


class Held(msgspec.Struct, frozen=True):
    """What holds jobs back, and how many it holds."""

    gates: Gates
    parked: dict[str, dict[JobPriority, int]]


class ScraperActions:
    """One runtime's scrapers. Each method says what it raises."""

    def __init__(self, runtime: Runtime, clock: Clock | None = None) -> None:
        self._runtime = runtime
        self._limits = runtime.limits
        self._clock = clock or SystemClock()
        self._history = History(runtime.pool)

    async def listed(self) -> dict[str, Any]:
        """Every scraper that is known here, with what is wrong with the limits. Works while servers are away."""
        await self._limits.look()
        entries = {fold(entry.name): entry for entry in self._runtime.registry.entries()}
        names = {folded: entry.name for folded, entry in entries.items()} | {
            folded: name for folded, name in self._limits.layers.names().items() if folded not in entries
        }
        held = await self._held()
        if held is not None:  # a breaker may outlast its scraper
            names = {folded: folded for folded in held.gates.breakers} | names
        return {
            "file": self._file(),
            "scrapers": [
                self._brief(names[folded], entries.get(folded), held)
                for folded in sorted(names, key=lambda folded: names[folded].casefold())
            ],
        }

    async def one(self, name: str) -> dict[str, Any]:
        """One scraper by any spelling: facts, every limit with where it comes from, and how long its jobs took.

        Raises ScraperNotFound, and InvalidInput for a name that stands for several.
        """
        return await self._one(await self._full_name(name))

    async def _one(self, full: str) -> dict[str, Any]:
        settings = self._limits.settings_of(full)
        entry = self._entry(full)
        return {
            **self._brief(full, entry, await self._held()),
            "limits": {key: _setting(setting) for key, setting in settings.items()},
            "overrides": {key: plain(one.value) for key, one in settings.items() if one.source == "override"},
            "overrides_unread": self._limits.unread,
            "file_in_force": self._limits.in_force,
            "observed": await self._observed(full),
        }

    async def change(
        self, name: str, changes: Mapping[str, Any], *, who: str, why: str | None = None
    ) -> tuple[dict[str, Any], list[str]]:
        """Change limits for all workers: the scraper as it is now, and the keys that were another before.

        Raises InvalidLimits with all that is wrong, ScraperNotFound, and StoreUnavailable: then nothing is changed.
        """
        full = await self._full_name(name)
        values = read_changes(changes, self._limits.layers, full)
        overrides = ScraperOverrides(self._runtime.pool)
        changed = await overrides.change(fold(full), full, values, who=who, at=self._clock.now(), why=why)
        await self._limits.read_overrides()
        return await self._one(full), changed

    async def trip(self, name: str, *, who: str, why: str, lasting: timedelta | None) -> dict[str, Any]:
        """Open the breaker of a scraper, for so long or until somebody resets it: the scraper as it is now.

        Running jobs go on. Raises ScraperNotFound, InvalidInput, QueueUnavailable and GenerationMissing.
        """
        full = await self._full_name(name)
        now = await self._runtime.commands.server_time()
        await self._runtime.commands.breakers.trip(full, who=who, why=why, now=now, lasting=lasting)
        return await self._one(full)

    async def reset(self, name: str, *, who: str, hosts: bool) -> tuple[dict[str, Any], Lifted]:
        """Close a breaker, forget failures in a row and what the source asked for: the scraper now, and what it was.

        With `hosts` also what its hosts asked for. Raises as `trip` does.
        """
        full = await self._full_name(name)
        lifted = await self._runtime.commands.breakers.reset(full, who=who, hosts=hosts)
        return await self._one(full), lifted

    async def audit(self, name: str | None, *, limit: int, before: datetime | None = None) -> list[dict[str, Any]]:
        """Who changed what, newest first; of one scraper, whatever kind of rule it is. Raises StoreUnavailable."""
        folded = None if name is None else fold(name)
        return await self._history.audit(limit, scraper=folded, before=before)

    async def _full_name(self, name: str) -> str:
        """By the limits and scrapers of now; that of a scraper which is gone, if its breaker is still open."""
        await self._limits.look()
        known = self._limits.layers.names()
        try:
            return await JobActions(self._runtime).resolve(name)
        except InvalidInput as error:
            if fold(name) in known:
                return known[fold(name)]
            if getattr(error, "candidates", None):
                raise
            held = await self._held()
            if held is not None and fold(name) in held.gates.breakers:
                return fold(name)
            raise ScraperNotFound(name, getattr(error, "suggestions", [])) from None

    def _entry(self, name: str) -> Entry | None:
        try:
            return self._runtime.registry.find(name)
        except InvalidInput:
            return None

    def _brief(self, name: str, entry: Entry | None, held: Held | None) -> dict[str, Any]:
        settings = self._limits.settings_of(name)
        return {
            "name": name,
            "installed": entry is not None,
            **_facts(entry),
            "enabled": settings["enabled"].value,
            "disabled_by": None if settings["enabled"].value else settings["enabled"].detail,
            **(nothing_known() if held is None else held_of(name, held.gates, held.parked)),
            "overridden": [key for key, setting in settings.items() if setting.source == "override"],
        }

    def _file(self) -> dict[str, Any]:
        file = self._limits.layers.file
        return {
            "path": str(self._limits.path),
            "exists": self._limits.path.exists(),
            "in_force": self._limits.in_force,
            "problems": self._limits.problems,
            "warnings": [str(warning) for warning in file.warnings],
        }

    async def _held(self) -> Held | None:
        try:
            return Held(await self._runtime.views.gates(), await self._runtime.views.parked())
        except QueueError as error:
            logger.warning("scrapers are shown without what holds them: {}", error)
            return None

    async def _observed(self, name: str) -> dict[str, Any] | None:
        try:
            return await self._history.observed(name, self._clock.now() - OBSERVED)
        except StoreUnavailable as error:
            logger.warning("{} is shown without how long it took: {}", name, error)
            return None


def _facts(entry: Entry | None) -> dict[str, Any]:
    """What the registry knows."""
    known = ("source", "module", "class_name", "executor", "transport", "needs_login", "takes_argument", "canary")
    facts: dict[str, Any] = {name: None if entry is None else getattr(entry, name) for name in known}
    return {
        **facts,
        "file": None if entry is None else entry.file,
        "missing_configuration": None if entry is None else entry.missing_configuration,
    }


def _setting(setting: Setting) -> dict[str, Any]:
    return {"value": plain(setting.value), "source": setting.source, "detail": setting.detail}
