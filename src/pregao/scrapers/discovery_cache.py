"""What a look at a directory of scrapers gave: kept until a file changes, and shared by all processes of a home."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from loguru import logger

from pregao.scrapers.directory import module_files
from pregao.scrapers.discovery import Discovery, LoadProblem, discover
from pregao.settings.scraper_environment import ScraperEnvironment

FORMAT = 1
"""Raise it with every change of what is kept or how it is found: an older file is then as good as none."""
_UNREADABLE = "the directory cannot be read"


class _Kept(msgspec.Struct, frozen=True):
    format: int
    directory: str
    stamp: str
    discovery: Discovery


class ScraperDirectory:
    """One directory of SCRAPERS_PATH as it was last read, and whether that is still how it is."""

    def __init__(self, path: Path, *, cache: Path, environment: ScraperEnvironment, timeout_seconds: float) -> None:
        """`cache` is the folder of what is kept; the rest is for `discover`."""
        self.path = path
        self._environment = environment
        self._timeout_seconds = timeout_seconds
        self._file = cache / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.json"

    def stamp(self) -> str:
        """A text that changes with the times and sizes of the modules, `.env`, and the installed packages."""
        try:
            files = [file for _, file in module_files(self.path)]
        except OSError as error:
            return f"{_UNREADABLE} ({error.strerror})"
        packages = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        seen = hashlib.sha256(f"{FORMAT} {sys.version} {sys.prefix} {self._environment.stamp}".encode())
        for file in [*files, self.path / ".env", *(Path(folder) for folder in sorted(packages))]:
            seen.update(f"{file} {_when_and_how_much(file)}\n".encode(errors="surrogateescape"))
        return seen.hexdigest()

    def read(self, *, anew: bool = False) -> tuple[str, Discovery]:
        """The stamp, and what is there: as kept if nothing changed, else, or with `anew`, by looking."""
        try:
            with self._locked():
                stamp, kept = self.stamp(), self._kept()
                if kept is not None and kept.stamp == stamp and not anew:
                    return stamp, kept.discovery
                before = Discovery([], []) if kept is None else kept.discovery
                discovery = self._look(stamp, before)
                if not stamp.startswith(_UNREADABLE):
                    self._keep(_Kept(FORMAT, str(self.path), stamp, discovery))
        except OSError as error:
            logger.warning("what {} holds cannot be kept: {}", self.path, error)
            stamp = self.stamp()
            discovery = self._look(stamp, Discovery([], []))
        return stamp, discovery

    def _look(self, stamp: str, before: Discovery) -> Discovery:
        if stamp.startswith(_UNREADABLE):
            return _out_of_reach(self.path, stamp, before)
        found = discover(self.path, self._environment.variables, self._timeout_seconds)
        withheld = self._environment.withheld
        problems = [_with_hint(_with_names(problem, before), withheld) for problem in found.problems]
        return Discovery(found.scrapers, problems)

    def _kept(self) -> _Kept | None:
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            logger.info("{} is of another version or damaged, and is written anew: {}", self._file, error)
            return None
        return kept if kept.format == FORMAT and kept.directory == str(self.path) else None

    def _keep(self, kept: _Kept) -> None:
        draft = self._file.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(kept)))
        draft.replace(self._file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process look while the others wait for what it finds."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _when_and_how_much(file: Path) -> str:
    try:
        status = file.stat()
    except OSError:
        return "missing"
    return f"{status.st_mtime_ns} {status.st_size if file.is_file() else 0}"


def _out_of_reach(path: Path, why: str, before: Discovery) -> Discovery:
    """A directory that cannot be read, for as long as it cannot: its scrapers are known, and do not load."""
    problem = LoadProblem(origin=str(path), error=why, fix="bring it back, or correct SCRAPERS_PATH")
    lost = [
        msgspec.structs.replace(problem, origin=f"{scraper.module}:{scraper.class_name}") for scraper in before.scrapers
    ]
    return Discovery([], [problem, *(_with_names(each, before) for each in lost)])


def _with_names(problem: LoadProblem, before: Discovery) -> LoadProblem:
    """A problem with the names by which the module or class was known when it did load."""
    module, _, class_name = problem.origin.partition(":")
    for scraper in before.scrapers:
        if scraper.module == module and class_name in ("", scraper.class_name):
            names = [scraper.name, *problem.names, scraper.source]
            return msgspec.structs.replace(
                problem, canonical=scraper.name or None, names=tuple(dict.fromkeys(filter(None, names)))
            )
    for earlier in before.problems:
        if earlier.origin == problem.origin and earlier.canonical:
            return msgspec.structs.replace(problem, canonical=earlier.canonical, names=earlier.names)
    return problem


def _with_hint(problem: LoadProblem, withheld: frozenset[str]) -> LoadProblem:
    """A problem that may come from a secret which scrapers do not get, with how to give it to them."""
    named = sorted(name for name in withheld if name.casefold() in problem.error.casefold())
    if not named:
        return problem
    fix = f"{', '.join(named)} is kept from scrapers; SCRAPERS_ENV={','.join(named)} gives it to them"
    return msgspec.structs.replace(problem, fix=fix)
