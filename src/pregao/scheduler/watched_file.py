"""The schedule file as it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pregao.configuration.watched_file import WatchedFile
from pregao.domain.clock import Clock
from pregao.scheduler.loader import ScheduleFile, load_schedules


def watch_schedules(
    path: Path, resolve: Callable[[str], str], clock: Clock, *, version: Callable[[], object] = lambda: None
) -> WatchedFile[ScheduleFile]:
    """The file at `path`. `resolve` finds the scrapers of its schedules, and `version` says when to ask it again."""

    def read() -> ScheduleFile:
        return load_schedules(path, resolve=resolve, clock=clock)

    return WatchedFile(path, read, ScheduleFile(path, {}, {}, [], []), kind="schedule", version=version)
