"""The zygotes of one worker: one for each directory, started when first needed, replaced when it is time."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from loguru import logger

from pregao.isolation.messages import Ready, Target, ZygoteMode
from pregao.isolation.preload import stamp_of
from pregao.isolation.zygote_process import Files, Flight, ZygoteFailed, ZygoteProcess
from pregao.scrapers.directory import module_files

FORKS = sys.platform == "linux"
"""Elsewhere the system's own libraries do not survive a fork, or there is none."""


class Zygotes:
    """Gives the zygote of a directory. `targets_of(directory)` are the scrapers that it loads before the first job."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        targets_of: Callable[[str], Sequence[Target]],
        on_lost: Callable[[list[Flight]], None],
    ) -> None:
        self._environment = environment
        self._targets_of = targets_of
        self._on_lost = on_lost
        self._current: dict[str, ZygoteProcess] = {}
        self._modes: dict[str, ZygoteMode] = {}
        self._leaving: list[ZygoteProcess] = []
        self._starting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def at_hand(self, directory: str) -> ZygoteProcess | None:
        """The directory's zygote if it can be used as it is."""
        zygote = self._current.get(directory)
        return zygote if zygote is not None and zygote.usable and zygote.fresh else None

    async def get(self, directory: str) -> ZygoteProcess:
        """The directory's zygote, started if there is none that is up to date. Raises ZygoteFailed."""
        async with self._starting[directory]:
            zygote = self.at_hand(directory)
            if zygote is None:
                self._replace(directory)
                zygote = self._current[directory] = await self._start(directory)
            return zygote

    async def close(self) -> None:
        """End them all, with everything that still runs under them."""
        leaving = [*self._current.values(), *self._leaving]
        self._current.clear()
        self._leaving.clear()
        for zygote in leaving:
            zygote.close()
        for zygote in leaving:
            await zygote.gone()

    def _replace(self, directory: str) -> None:
        old = self._current.pop(directory, None)
        if old is not None:
            if old.usable:
                logger.info("files in {} changed: its scrapers are loaded anew", directory)
                self._modes.pop(directory, None)
            old.retire()
            self._leaving.append(old)
        self._leaving = [zygote for zygote in self._leaving if not zygote.reap()]

    async def _start(self, directory: str) -> ZygoteProcess:
        """Try what gives the fastest jobs first. One module that breaks the loading must not break the others' jobs."""
        mode = self._modes.get(directory) or ("preloaded" if FORKS else "warm")
        watched: Files = {}
        if mode == "preloaded":
            try:
                zygote, ready = await self._start_in(directory, mode)
            except ZygoteFailed as error:
                logger.warning("{}; its modules are loaded by each job instead", error)
                mode = "bare"
            else:
                if ready.threads == 1:
                    return zygote
                logger.info("the modules of {} start threads: its jobs run in warm processes, not in forks", directory)
                zygote.close()
                self._leaving.append(zygote)
                mode, watched = "warm", ready.files
            self._modes[directory] = mode
        zygote, _ = await self._start_in(directory, mode)
        zygote.watch(watched or _module_stamps(directory))
        return zygote

    async def _start_in(self, directory: str, mode: ZygoteMode) -> tuple[ZygoteProcess, Ready]:
        zygote = ZygoteProcess(
            directory, mode, self._targets_of(directory), environment=self._environment, on_lost=self._on_lost
        )
        try:
            ready = await zygote.start()
        except BaseException:
            self._leaving.append(zygote)
            raise
        # A file that was written while it was loaded may be half old: the next job loads all of it again.
        zygote.watch(dict.fromkeys(ready.files, (-1, -1)) if ready.changed else ready.files)
        return zygote, ready


def _module_stamps(directory: str) -> Files:
    """The stamps of all modules of a directory; nothing when it cannot be read."""
    try:
        return {str(path): stamp_of(str(path)) for _, path in module_files(Path(directory))}
    except OSError:
        return {}
