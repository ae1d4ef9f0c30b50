"""A file that people write, as it changes: read when it was written, and the last good one kept when it is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, Protocol, TypeVar

from loguru import logger

from pregao.configuration.problem import FileRefused, Problem

Stamp = tuple[int, int, int] | None


class Loaded(Protocol):
    """What a file holds. `warnings` keep nothing from being used."""

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong with it."""

    @property
    def warnings(self) -> list[Problem]:
        """What is odd about it."""

    @property
    def usable(self) -> bool:
        """Whether it may take the place of what was loaded before."""

    @property
    def summary(self) -> str:
        """How much is in it, for a log: `15 schedules`."""


L = TypeVar("L", bound=Loaded)


class WatchedFile(Generic[L]):
    """One file, looked at when `changed` is called.

    `read` reads it whole and raises FileRefused; `empty` is in force until it did. When `version` answers something
    else than before, the file is read again though nobody wrote it.
    """

    def __init__(
        self, path: Path, read: Callable[[], L], empty: L, *, kind: str, version: Callable[[], object] = lambda: None
    ) -> None:
        self._path, self._read_file, self._kind, self._version = path, read, kind, version
        self._version_read = version()
        self._read: Stamp = None
        self._seen: Stamp = None
        self._looked = False
        self._refreshing = Lock()
        self.current = empty
        self.problems: list[Problem] = []

    def refresh(self) -> tuple[L, list[Problem]]:
        """For those who are asked now and then, in any thread: read it if it was written since.

        Answers what is in force, which may be empty, and what is wrong with the file on disk.
        """
        with self._refreshing:
            if not self._looked or self._stamp() != self._read or self._version() != self._version_read:
                self._looked = True
                self.reload()
            return self.current, self.problems

    def load(self) -> None:
        """Read it for the first time. Raises FileRefused when it is missing or is not YAML."""
        self._looked = True
        self._read = self._seen = self._stamp()
        self.current = self._load()
        self._report(self.current.problems)

    def changed(self) -> bool:
        """Whether it is to be read again: it was written since, and is at rest: the same at two looks in a row."""
        stamp, before = self._stamp(), self._seen
        self._seen = stamp
        return (stamp != self._read and stamp == before) or self._version() != self._version_read

    def reload(self) -> None:
        """Read it again; a file that is missing, broken or empty keeps what was loaded before."""
        self._read = self._stamp()
        try:
            fresh = self._load()
        except FileRefused as refused:
            self._keep([refused.details])
            return
        except Exception as error:  # noqa: BLE001 - an edit must never end a process that works
            logger.exception("{} cannot be read", self._path)
            problem = f"cannot be read: {error!r}"
            self._keep([Problem(file=str(self._path), kind=self._kind, problem=problem, fix="undo the edit")])
            return
        if not fresh.usable:
            self._keep(fresh.problems)
            return
        self.current = fresh
        logger.info("{} was read: {}", self._path, fresh.summary)
        self._report(fresh.problems)

    def _load(self) -> L:
        self._version_read = self._version()
        return self._read_file()

    def _keep(self, problems: list[Problem]) -> None:
        logger.error("{} is broken: what was loaded before stays in force", self._path)
        self._report(problems)

    def _report(self, problems: list[Problem]) -> None:
        self.problems = list(problems)
        for problem in problems:
            logger.error("{}", problem)
        for warning in self.current.warnings:
            logger.warning("{}", warning)

    def _stamp(self) -> Stamp:
        return stamp_of(self._path)


def stamp_of(path: Path) -> Stamp:
    """What changes when a file is written; None for one that is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
