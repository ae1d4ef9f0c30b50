"""What can be asked of scrapers at any door, the API's or the command line's: facts, limits, and to change them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from loguru import logger

from pregao.api.actions import JobActions
from pregao.domain.clock import Clock, SystemClock, market_iso
from pregao.domain.errors import InvalidInput, QueueError, ScraperNotFound, StoreUnavailable
from pregao.domain.names import fold
from pregao.limits.changes import read_changes
from pregao.limits.layers import Setting
from pregao.limits.login_holds import LoginHold, login_holds
from pregao.limits.values import plain
from pregao.runtime import Runtime
from pregao.scrapers.registry import Entry
from pregao.store.history import History
from pregao.store.scraper_overrides import ScraperOverrides

OBSERVED = timedelta(days=7)


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
        holds = await self._login_holds()
        return {
            "file": self._file(),
            "scrapers": [
                self._brief(names[folded], entries.get(folded), holds)
                for folded in sorted(names, key=lambda folded: names[folded].casefold())
            ],
        }

    async def one(self, name: str) -> dict[str, Any]:
        """One scraper by any spelling: facts, every limit with where it comes from, and how long its jobs took.

        Raises ScraperNotFound, and InvalidInput for a name that stands for several.
        """
        await self._limits.look()
        full = await self._full_name(name)
        settings = self._limits.settings_of(full)
        entry = self._entry(full)
        return {
            **self._brief(full, entry, await self._login_holds()),
            "limits": {key: _setting(setting) for key, setting in settings.items()},
            "overrides": {key: plain(one.value) for key, one in settings.items() if one.source == "override"},
            "overrides_unread": self._limits.unread,
            "observed": await self._observed(full),
        }

    async def change(
        self, name: str, changes: Mapping[str, Any], *, who: str, why: str | None = None
    ) -> tuple[dict[str, Any], list[str]]:
        """Change limits for all workers: the scraper as it is now, and the keys that were another before.

        Raises InvalidLimits with all that is wrong, ScraperNotFound, and StoreUnavailable: then nothing is changed.
        """
        await self._limits.look()
        full = await self._full_name(name)
        values = read_changes(changes, self._limits.layers, full)
        overrides = ScraperOverrides(self._runtime.pool)
        changed = await overrides.change(fold(full), full, values, who=who, at=self._clock.now(), why=why)
        await self._limits.read_overrides()
        return await self.one(full), changed

    async def audit(self, name: str | None, *, limit: int, before: datetime | None = None) -> list[dict[str, Any]]:
        """Who changed what, newest first; of one scraper, whatever kind of rule it is. Raises StoreUnavailable."""
        folded = None if name is None else fold(name)
        return await self._history.audit(limit, scraper=folded, before=before)

    async def _full_name(self, name: str) -> str:
        known = self._limits.layers.names()
        try:
            return await JobActions(self._runtime).resolve(name)
        except InvalidInput as error:
            if fold(name) in known:
                return known[fold(name)]
            if getattr(error, "candidates", None):
                raise
            raise ScraperNotFound(name, getattr(error, "suggestions", [])) from None

    def _entry(self, name: str) -> Entry | None:
        try:
            return self._runtime.registry.find(name)
        except InvalidInput:
            return None

    def _brief(self, name: str, entry: Entry | None, holds: Mapping[str, LoginHold] | None) -> dict[str, Any]:
        settings = self._limits.settings_of(name)
        hold = None if holds is None else holds.get(fold(name))
        return {
            "name": name,
            "installed": entry is not None,
            **_facts(entry),
            "enabled": settings["enabled"].value,
            "disabled_by": None if settings["enabled"].value else settings["enabled"].detail,
            "login": None if hold is None else {"why": hold.why, "host": hold.host, "since": market_iso(hold.since)},
            "overridden": [key for key, setting in settings.items() if setting.source == "override"],
        }

    def _file(self) -> dict[str, Any]:
        file = self._limits.layers.file
        return {
            "path": str(file.path),
            "exists": not file.missing,
            "problems": self._limits.problems,
            "warnings": [str(warning) for warning in file.warnings],
        }

    async def _login_holds(self) -> dict[str, LoginHold] | None:
        try:
            return login_holds(await self._runtime.commands.control_fields())
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
