"""COTAHIST files: each session's is downloaded once, kept on disk, and indexed once in memory."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from loguru import logger

from pregao.domain.calendar import last_closed_session, previous_session
from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import ScraperSettings
from pregao.scrapers.builtin.b3_cotahist import CotahistDay, read_archive
from pregao.scrapers.http import Site
from pregao.scrapers.loop_local import LoopLocal
from pregao.scrapers.single_flight import SingleFlight

COTAHIST = "https://bvmf.bmfbovespa.com.br"

MAX_ARCHIVE_BYTES = 32 * 1024 * 1024
SESSIONS_BACK = 7
DAYS_IN_MEMORY = 2
FILES_ON_DISK = 10
UNPUBLISHED_SECONDS = 600.0
PROVISIONAL_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Published:
    """The file that B3 publishes for a session, and its address."""

    file: CotahistDay
    url: str


@dataclass(frozen=True, slots=True)
class _Held:
    """What is known of a session: its file, or None while it is not published; since when, on the monotonic clock."""

    file: CotahistDay | None
    since: float


class CotahistFiles:
    """The end-of-day files, shared by every job of an event loop.

    Jobs that need the same session wait for one download. Other processes share the files on disk; two that download
    at the same moment each write a whole file, and the later one wins.
    """

    def __init__(self, site: Site, folder: Path, clock: Clock) -> None:
        self._site = site
        self._folder = folder
        self._clock = clock
        self._held: OrderedDict[date, _Held] = OrderedDict()
        self._flights: SingleFlight[date, _Held] = SingleFlight()

    async def latest(self, moment: datetime) -> Published:
        """The file of the last session that closed before `moment` and is published. Raises ScrapeError."""
        session = last_closed_session(moment)
        newest = session.day
        for _ in range(SESSIONS_BACK):
            found = await self.of(session.day)
            if found is not None:
                return Published(found, self._site.origin(COTAHIST) + _path(session.day))
            session = previous_session(session.day)
        raise ScrapeError(
            f"B3 has published no COTAHIST file for the last {SESSIONS_BACK} sessions up to {newest}",
            FailureClass.ERROR,
        )

    async def of(self, session: date) -> CotahistDay | None:
        """The file of `session`, or None while B3 has not published it. Raises ScrapeError."""
        held = await self._flights.run(session, lambda: self._fresh(session), lambda: self._load(session))
        return held.file

    def _fresh(self, session: date) -> _Held | None:
        held = self._held.get(session)
        if held is None or self._clock.monotonic() - held.since > _lifetime(held.file, session):
            return None
        self._held.move_to_end(session)
        return held

    async def _load(self, session: date) -> _Held:
        path = self._folder / _path(session).rpartition("/")[2]
        file = await asyncio.to_thread(self._from_disk, path, session)
        if file is None:
            file = await self._download(session, path)
        if file is not None and file.day != session:
            logger.warning("B3 sent the session of {} as {}; asking again later", file.day, path.name)
        held = self._held[session] = _Held(file, self._clock.monotonic())
        self._forget_oldest()
        return held

    async def _download(self, session: date, path: Path) -> CotahistDay | None:
        reply = await self._site.get(COTAHIST, _path(session), accept=frozenset({404}))
        if reply.status == 404:
            return None
        file = await asyncio.to_thread(read_archive, reply.body)
        if file.day > session:
            raise ScrapeError(
                f"the COTAHIST file of {session} is not usable: it is dated {file.day}, which is in its future",
                FailureClass.VALIDATION,
                retryable=True,
            )
        try:
            await asyncio.to_thread(_keep, path, reply.body, self._clock.now())
        except OSError as error:
            logger.warning("{} is not kept, and will be downloaded again: {}", path, error)
        return file

    def _from_disk(self, path: Path, session: date) -> CotahistDay | None:
        try:
            written = path.stat().st_mtime
            file = read_archive(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ScrapeError) as error:
            logger.warning("{} is not readable, and will be downloaded again: {}", path, error)
            return None
        age = self._clock.now().timestamp() - written
        provisional = file.day < session and 0 <= age <= PROVISIONAL_SECONDS
        return file if file.day == session or provisional else None

    def _forget_oldest(self) -> None:
        """Keep the files that were used last; what is known to be unpublished is small and leaves with them."""
        files = [day for day, held in self._held.items() if held.file is not None]
        for day in files[:-DAYS_IN_MEMORY]:
            del self._held[day]
        while len(self._held) > SESSIONS_BACK + DAYS_IN_MEMORY:
            self._held.popitem(last=False)


def shared_files(settings: ScraperSettings, clock: Clock) -> CotahistFiles:
    """The files that all jobs of this event loop share: one collection for each origin and cache directory."""
    site = Site("b3", settings, max_bytes=MAX_ARCHIVE_BYTES)
    # A sample server's files must never pass for B3's: each origin has a directory of its own.
    folder = settings.home / "cache" / "b3" / re.sub(r"[^A-Za-z0-9.-]+", "_", site.origin(COTAHIST))
    shared = _shared.get()
    files = shared.get(folder)
    if files is None:
        files = shared[folder] = CotahistFiles(site, folder, clock)
    return files


_shared: LoopLocal[dict[Path, CotahistFiles]] = LoopLocal(dict)


def _path(session: date) -> str:
    return f"/InstDados/SerHist/COTAHIST_D{session:%d%m%Y}.ZIP"


def _lifetime(file: CotahistDay | None, session: date) -> float:
    """Seconds for which an answer is believed: a session's own file for ever, everything else for a while."""
    if file is None:
        return UNPUBLISHED_SECONDS
    return float("inf") if file.day == session else PROVISIONAL_SECONDS


def _keep(path: Path, content: bytes, now: datetime) -> None:
    """Put a whole file in place at once, so that no other process ever reads half of it, and drop the oldest ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".download-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.utime(temporary, (now.timestamp(), now.timestamp()))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    kept = sorted(path.parent.glob("COTAHIST_D*.ZIP"), key=lambda kept: kept.stat().st_mtime_ns)
    for old in kept[:-FILES_ON_DISK]:
        old.unlink(missing_ok=True)
