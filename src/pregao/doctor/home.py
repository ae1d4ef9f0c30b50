"""PREGAO_HOME: whether it can be used, and what an earlier run left in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from pregao.doctor.disk import look_at_disk
from pregao.doctor.finding import Finding, error, ok, warning
from pregao.embedded.supervise import processes_in
from pregao.settings import RunFile, Settings, is_owned
from pregao.settings.run_file import RUN_FILE

SUBJECT = "home"
ENGINE_DIRECTORIES = ("valkey", "postgres/data")
_CLEARED = "the next `pregao up` here clears it; to do it by hand: rm"


async def look_at_home(settings: Settings) -> AsyncIterator[Finding]:
    """The directory, its disk, and leftovers of a `pregao up` that was killed."""
    for finding in await asyncio.to_thread(lambda: list(_home(settings.home))):
        yield finding


def _home(home: Path) -> Iterator[Finding]:
    try:
        if not home.exists():
            _list_existing(home.parent)
            yield ok(SUBJECT, f"{home} does not exist; `pregao up` makes it")
            return
        _list_existing(home)
        owned = is_owned(home)
    except OSError as reason:
        yield _closed(home, reason)
        return
    if not os.access(home, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        yield error(SUBJECT, f"{home} cannot be written by this user", f"chown or chmod {home}, or set PREGAO_HOME")
    yield look_at_disk("home disk", home)
    yield from _occupied(home) if owned else _left_over(home)


def _list_existing(path: Path) -> None:
    """List `path`, or the directory in which it would be made. Raises OSError when that cannot be done."""
    existing = path if path.exists() else next(parent for parent in path.parents if parent.exists())
    list(existing.iterdir())


def _closed(home: Path, reason: OSError) -> Finding:
    cure = "make it a directory that this user may read and write, or set PREGAO_HOME to another"
    return error(SUBJECT, f"{home} cannot be used: {reason.strerror}", cure)


def _occupied(home: Path) -> Iterator[Finding]:
    run = RunFile.read_live(home)
    if run is None:
        detail = f"`pregao up` runs in {home}, and its {RUN_FILE} cannot be read: scripts do not find its servers"
        yield warning(SUBJECT, detail, "start it again; are you the user who started it?")
        return
    yield ok(SUBJECT, f"`pregao up` runs in {home} as process {run.pid}, since {run.started_at}")


def _left_over(home: Path) -> Iterator[Finding]:
    found = []
    running = [process for name in ENGINE_DIRECTORIES for process in processes_in(home / name)]
    pids = {process.pid for process in running}
    for process in running:
        with process.oneshot():
            if process.ppid() in pids:
                continue  # its parent is told of, and ends it
            detail = f"{process.name()} (process {process.pid}) runs in {process.cwd()} though no `pregao up` does"
        found.append(error(SUBJECT, detail, f"kill {process.pid}; the next `pregao up` here does it as well"))
    if (home / RUN_FILE).exists():
        detail = f"{home / RUN_FILE} is left over from a `pregao up` that was killed"
        found.append(warning(SUBJECT, detail, f"{_CLEARED} {home / RUN_FILE}"))
    lock = home / "postgres/data/postmaster.pid"
    if lock.exists() and not processes_in(lock.parent):
        detail = f"{lock} is left over from a PostgreSQL that was killed"
        found.append(warning(SUBJECT, detail, f"{_CLEARED} {lock}"))
    yield from found or [ok(SUBJECT, f"no `pregao up` runs in {home}, and nothing is left over from one")]
