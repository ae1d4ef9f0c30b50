"""The file of limits as a process follows it: as it is on disk, as it was before, or the last good one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

from loguru import logger

from pregao.configuration.problem import FileRefused, Problem
from pregao.configuration.watched_file import Stamp, WatchedFile, stamp_of
from pregao.domain.clock import market_iso
from pregao.limits.file import LimitsFile, empty_file, load_limits
from pregao.limits.kept_file import KeptFile


class Names(Protocol):
    """Whoever knows scrapers by loose names."""

    @property
    def version(self) -> int:
        """Grows when there are others."""

    def resolve_known(self, name: str) -> str:
        """The canonical name. Raises AmbiguousScraper, or another InvalidInput for a scraper that is not here."""


class FollowedFile:
    """What is in force of one file, which is kept below `home` whenever it was read without a problem.

    A file that is broken, blank or gone leaves in force what was read before; from the start, the one that was kept.
    """

    def __init__(self, path: Path, home: Path, registry: Names) -> None:
        self.path = path
        self._registry = registry
        self._kept = KeptFile(home, path)
        self._kept_at: datetime | None = None
        self._loaded = False
        self._watched: WatchedFile[LimitsFile] = WatchedFile(
            path, self._read, empty_file(path, blank=True), kind="scraper", version=lambda: registry.version
        )
        self._names_of_kept = registry.version

    @property
    def current(self) -> LimitsFile:
        """What is in force. `path` is that of the copy while that stands in."""
        return self._watched.current

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the file as it is on disk now."""
        return self._watched.problems

    @property
    def stands_in(self) -> bool:
        """Whether the file was broken, blank or gone from the start, and the last good one is in force."""
        return self.current.path == self._kept.path

    @property
    def in_force(self) -> str | None:
        """While the file is broken: where, and what is in force instead, in one line. None while it is not."""
        problems = self.problems
        if not problems:
            return None
        line = next((problem.line for problem in problems if problem.line is not None), None)
        where = problems[0].problem if line is None else f"has an error at line {line}"
        return f"{self.path} {where}; {self._instead()}"

    def load(self) -> None:
        """Read it for the first time. What is wrong with it is in `problems`."""
        self._loaded = True
        try:
            self._watched.load()
        except FileRefused as refused:
            self._watched.problems = [refused.details]
            logger.error("{}", refused.details)
        if self.problems:
            self._stand_in()
            logger.error("{}", self.in_force)

    def look(self, *, at_rest: bool) -> None:
        """Read it if it was written; `at_rest` waits until it is the same at two looks in a row."""
        if not self._loaded:
            self.load()
        elif not at_rest:
            self._watched.refresh()
        elif self._watched.changed():
            self._watched.reload()
        if self.stands_in and self._names_of_kept != self._registry.version:
            self._stand_in()

    def _instead(self) -> str:
        if self.stands_in:
            at = (market_iso(self._kept_at) or "")[:16].replace("T", " at ")
            return f"the last good one of {at} is in force ({self._kept.path})"
        if self.current.problems:
            return "of this file what is sound is in force, and no good one was kept"
        return "no limits of scrapers are in force" if self.current.blank else "what was read before is in force"

    def _read(self) -> LimitsFile:
        """Raises FileRefused, also for a file that is blank now: sources do not lose their limits by accident."""
        stamp = stamp_of(self.path)
        fresh = load_limits(self.path, self._registry.resolve_known)
        if fresh.blank and (not self.current.blank or self._kept.written_at is not None):
            told = "does not exist any more" if fresh.missing else "is empty now"
            fix = "write it again; `scrapers: {}` if nothing is to be limited"
            raise FileRefused(Problem(file=str(self.path), kind="scraper", problem=told, fix=fix))
        if not fresh.blank and fresh.usable:
            self._keep(stamp)
        return fresh

    def _keep(self, stamp: Stamp) -> None:
        try:
            self._kept.keep(stamp)
        except OSError as error:
            logger.warning("{} cannot be kept for a start while it is broken: {}", self.path, error)

    def _stand_in(self) -> None:
        """Have the last good file in force, if there is one that is still good."""
        self._names_of_kept = self._registry.version
        self._kept_at = self._kept.written_at
        if self._kept_at is None:
            return
        try:
            kept = load_limits(self._kept.path, self._registry.resolve_known)
        except FileRefused as refused:
            logger.error("the last good file of limits cannot be used: {}", refused.details)
            return
        if kept.blank or not kept.usable:
            told = "; ".join(map(str, kept.problems)) or "it is empty"
            logger.error("the last good file of limits cannot be used: {}", told)
            return
        self._watched.current = kept
