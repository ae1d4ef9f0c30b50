"""Who says what about a scraper: built in < environment < file < override. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from pregao.domain.clock import market_iso
from pregao.domain.names import fold
from pregao.limits.catalogue import SCRAPER_KEYS, key_of
from pregao.limits.file import LimitsFile
from pregao.limits.reading import Refused
from pregao.limits.values import HostLimits, ScraperLimits, limits_of
from pregao.store.scraper_overrides import Override

Source = Literal["built in", "environment", "defaults", "file", "override"]


class Setting(msgspec.Struct, frozen=True):
    """The value that holds for one key, and where it comes from: a variable, `file:line`, or who changed it when."""

    value: Any
    source: Source
    detail: str | None = None


class TypedOverride(msgspec.Struct, frozen=True):
    """An override whose value was read."""

    name: str
    value: Any
    who: str
    at: str


class Layers(msgspec.Struct, frozen=True):
    """All layers of one moment. `environment` has (value, variable) by key; `overrides` are by folded name and key."""

    environment: Mapping[str, tuple[Any, str]]
    file: LimitsFile
    overrides: Mapping[str, Mapping[str, TypedOverride]]

    def settings_of(self, scraper: str) -> dict[str, Setting]:
        """Every key of a scraper, by any spelling of its name, with its value and source."""
        folded = fold(scraper)
        found = {name: Setting(key.default, "built in") for name, key in SCRAPER_KEYS.items()}
        for name, (value, variable) in self.environment.items():
            found[name] = Setting(value, "environment", variable)
        shared, own = self.file.defaults, self.file.scrapers.get(folded)
        for name, value in shared.values.items():
            found[name] = Setting(value, "defaults", self._place(shared.lines[name]))
        for name, value in ({} if own is None else own.values).items():
            found[name] = Setting(value, "file", self._place(own.lines[name] if own else 0))
        for name, override in self.overrides.get(folded, {}).items():
            found[name] = Setting(override.value, "override", f"{override.who}, {override.at}")
        return found

    def without_overrides(self, scraper: str) -> dict[str, Any]:
        """What would hold for a scraper if nobody had changed anything."""
        bare = Layers(self.environment, self.file, {})
        return {name: setting.value for name, setting in bare.settings_of(scraper).items()}

    def limits_of(self, scraper: str) -> ScraperLimits:
        """What holds for a scraper, by any spelling of its name."""
        return limits_of({name: setting.value for name, setting in self.settings_of(scraper).items()})

    def host(self, name: str) -> HostLimits:
        """What holds for a host."""
        return self.file.hosts.get(name) or HostLimits()

    def names(self) -> dict[str, str]:
        """The scrapers that some layer speaks of: their names by the folded ones."""
        found = {folded: section.name for folded, section in self.file.scrapers.items()}
        for folded, overrides in self.overrides.items():
            found.setdefault(folded, next(iter(overrides.values())).name)
        return found

    def _place(self, line: int) -> str:
        return f"{self.file.path}:{line}"


def typed(overrides: Iterable[Override]) -> tuple[dict[str, dict[str, TypedOverride]], list[str]]:
    """Overrides by scraper and key, and what is wrong with those that cannot be used: they are left out."""
    found: dict[str, dict[str, TypedOverride]] = {}
    problems = []
    for override in overrides:
        try:
            value = key_of(override.key).read(override.value)
        except Refused as refused:
            told = f"override {override.key} of {override.name}: {override.value!r} {refused.problem}"
            problems.append(f"{told}; take it away with `pregao scrapers unset {override.name!r} {override.key}`")
            continue
        at = market_iso(override.changed_at) or ""
        found.setdefault(override.scraper, {})[override.key] = TypedOverride(
            override.name, value, override.changed_by, at
        )
    return found, problems
