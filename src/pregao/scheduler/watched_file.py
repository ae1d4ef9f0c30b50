"""The schedule file as it changes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Protocol

from pregao.configuration.watched_file import WatchedFile
from pregao.domain.clock import Clock
from pregao.limits.disabled import Enabling, resolve_enabled
from pregao.scheduler.loader import ScheduleFile, load_schedules
from pregao.scrapers.registry import Registry


class Limits(Enabling, Protocol):
    """Whoever knows which scrapers are enabled now."""

    @property
    def version(self) -> int:
        """Grows with each change."""


def watch_schedules(path: Path, registry: Registry, limits: Limits, clock: Clock) -> WatchedFile[ScheduleFile]:
    """The file at `path`, which is read again when scrapers come or go, or are enabled or disabled, as well."""
    resolve = partial(resolve_enabled, registry, limits)

    def read() -> ScheduleFile:
        return load_schedules(path, resolve=resolve, clock=clock)

    def version() -> object:
        return registry.version, limits.version

    return WatchedFile(path, read, ScheduleFile(path, {}, {}, [], []), kind="schedule", version=version)
