"""The schedule file as it changes: read when it was written, and the last good one kept when it is broken."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from loguru import logger

from pregao.domain.clock import Clock
from pregao.domain.names import counted
from pregao.scheduler.loader import ScheduleFile, load_schedules
from pregao.scheduler.problem import Problem, ScheduleFileRefused
from pregao.scrapers.registry import Registry

Stamp = tuple[int, int, int] | None


class WatchedFile:
    """A schedule file, looked at when `changed` is called; `registry` tells which scrapers its schedules have."""

    def __init__(self, path: Path, registry: Registry, clock: Clock) -> None:
        self._path, self._registry, self._clock = path, registry, clock
        self._scrapers_read = registry.version
        self._read: Stamp = None
        self._seen: Stamp = None
        self._looked = False
        self._refreshing = Lock()
        self.current = ScheduleFile(path, {}, {}, [], [])
        self.problems: list[Problem] = []

    def refresh(self) -> tuple[ScheduleFile, list[Problem]]:
        """For those who are asked now and then, in any thread: read it if it was written, or scrapers changed, since.

        Answers what is in force, which may be empty, and what is wrong with the file on disk.
        """
        with self._refreshing:
            if not self._looked or self._stamp() != self._read or self._has_other_scrapers():
                self._looked = True
                self.reload()
            return self.current, self.problems

    def load(self) -> None:
        """Read it for the first time. Raises ScheduleFileRefused when it is missing or is not YAML."""
        self._read = self._seen = self._stamp()
        self.current = self._load()
        self._report(self.current.problems)

    def changed(self) -> bool:
        """Whether it was written since it was read, and is at rest: the same at two looks in a row.

        Also when there are other scrapers than when it was read.
        """
        stamp, before = self._stamp(), self._seen
        self._seen = stamp
        return (stamp != self._read and stamp == before) or self._has_other_scrapers()

    def reload(self) -> None:
        """Read it again; a file that is missing, broken or empty keeps what was loaded before."""
        self._read = self._stamp()
        try:
            fresh = self._load()
        except ScheduleFileRefused as refused:
            self._keep([refused.details])
            return
        except Exception as error:  # noqa: BLE001 - an edit must never end a scheduler that works
            logger.exception("{} cannot be read", self._path)
            told = Problem(file=str(self._path), problem=f"cannot be read: {error!r}", fix="undo the edit")
            self._keep([told])
            return
        if fresh.problems and not fresh.schedules:
            self._keep(fresh.problems)
            return
        self.current = fresh
        logger.info("{} was read: {}", self._path, counted(len(fresh.schedules), "schedule"))
        self._report(fresh.problems)

    def _has_other_scrapers(self) -> bool:
        return self._scrapers_read != self._registry.version

    def _load(self) -> ScheduleFile:
        self._scrapers_read = self._registry.version
        return load_schedules(self._path, resolve=self._registry.resolve_configured, clock=self._clock)

    def _keep(self, problems: list[Problem]) -> None:
        logger.error("{} is broken: the schedules loaded before stay in force", self._path)
        self._report(problems)

    def _report(self, problems: list[Problem]) -> None:
        self.problems = list(problems)
        for problem in problems:
            logger.error("{}", problem)
        for warning in self.current.warnings:
            logger.warning("{}", warning)

    def _stamp(self) -> Stamp:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
