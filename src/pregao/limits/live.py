"""The limits of a running process: the file and the overrides, taken over as they change.

A file that is broken, emptied or removed meanwhile leaves what was loaded before in force, and a process that starts
then has the last good one. While PostgreSQL is away, the overrides that were read last hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import StoreUnavailable
from pregao.domain.failure import Failure
from pregao.domain.names import fold
from pregao.domain.retry import NextStep, next_step
from pregao.domain.service import Background
from pregao.limits.disabled import ScraperDisabled
from pregao.limits.followed_file import FollowedFile, Names
from pregao.limits.layers import Layers, Setting, typed
from pregao.limits.values import HostLimits, ScraperLimits, plain
from pregao.settings import Settings
from pregao.store.link import StoreLink
from pregao.store.scraper_overrides import Override, ScraperOverrides

if TYPE_CHECKING:
    from pregao.store.pool import Pool

LOOK_SECONDS = 1.0
POLL_SECONDS = 2.0
ANSWER_SECONDS = 2.0
_UNREAD = "the overrides of scrapers are not known yet: {}"


class LiveLimits:
    """What holds now. `version` grows with each change; `of` and the rest answer at once, without asking anybody.

    `look` takes over what changed; `following_limits` does so every second. Several tasks may ask at once.
    """

    def __init__(self, settings: Settings, registry: Names, *, clock: Clock | None = None) -> None:
        """`registry` knows the scrapers here; when there are others, it is asked about all names again."""
        self.version = 0
        self._named = "scrapers_file" in settings.model_fields_set
        self._clock = clock or SystemClock()
        self._store = StoreLink(settings.resolve_database_url, answer_seconds=ANSWER_SECONDS)
        self._file = FollowedFile(settings.scrapers_file, settings.home, registry)
        self._layers = Layers(_environment(settings), self._file.current, {})
        self._cache: dict[str, ScraperLimits] = {}
        self._override_problems: list[str] = []
        self._unread: str | None = "nobody asked PostgreSQL so far"
        self._next_look = self._next_poll = 0.0
        self._looking = asyncio.Lock()

    @property
    def layers(self) -> Layers:
        """Everything that is known, with its sources."""
        return self._layers

    @property
    def path(self) -> Path:
        """Where people write the file; `layers.file` is another one while the last good one stands in."""
        return self._file.path

    @property
    def problems(self) -> list[str]:
        """What is wrong with the file as it is on disk now, and with the overrides; each in one line."""
        found = [str(problem) for problem in self._file.problems]
        if self.stands_in and self.in_force is not None:
            found.append(self.in_force)
        if self._named and self._layers.file.missing and not found:
            found.append(f"{self.path} does not exist; PREGAO_SCRAPERS_FILE names it")
        return found + self._override_problems

    @property
    def complete(self) -> bool:
        """Whether the file on disk had its say: it is not blank, nothing in it was left out, no older one stands in."""
        return not self._layers.file.blank and not self._layers.file.problems and not self.stands_in

    @property
    def stands_in(self) -> bool:
        """Whether the file was broken, blank or gone from the start, and the last good one is in force."""
        return self._file.stands_in

    @property
    def in_force(self) -> str | None:
        """While the file is broken: where, and what is in force instead, in one line. None while it is not."""
        return self._file.in_force

    @property
    def unread(self) -> str | None:
        """Why no override was read since the start; None once they were."""
        return self._unread

    def load(self) -> None:
        """Read the file for the first time. What is wrong with it is in `problems`; the rest of it holds."""
        self._file.load()
        self._take(Layers(self._layers.environment, self._file.current, self._layers.overrides))

    def of(self, scraper: str) -> ScraperLimits:
        """What holds for a scraper, by any spelling that folds to its name."""
        folded = fold(scraper)
        known = self._cache.get(folded)
        if known is None:
            known = self._cache[folded] = self._layers.limits_of(folded)
        return known

    def settings_of(self, scraper: str) -> dict[str, Setting]:
        """The same key by key, each with where it comes from."""
        return self._layers.settings_of(scraper)

    def host(self, name: str) -> HostLimits:
        """What holds for a host."""
        return self._layers.host(name)

    def honours_retry_after(self, scraper: str) -> bool:
        """Whether the hosts of a scraper are left alone for as long as they ask."""
        return all(self.host(name).honour_retry_after for name in self.of(scraper).hosts)

    def next_step(
        self, scraper: str, failure: Failure, *, retry_count: int, attempt: int, chance: float = 0.5
    ) -> NextStep:
        """What becomes of a job after a failed attempt; `chance` is a random number from 0 to 1."""
        limits = self.of(scraper)
        return next_step(
            failure,
            limits.action_after(failure),
            limits.backoff,
            retry_count=retry_count,
            attempt=attempt,
            chance=chance,
            honour=self.honours_retry_after(scraper),
        )

    def check_enabled(self, scraper: str) -> None:
        """Raises ScraperDisabled, with who disabled it."""
        if not self.of(scraper).enabled:
            raise ScraperDisabled(scraper, self.settings_of(scraper)["enabled"])

    async def look(self, *, at_rest: bool = False) -> None:
        """Take over the file if it was written, and the overrides if they were not read in the last two seconds.

        For those who are asked now and then: does nothing within a second of the last look. With `at_rest` it always
        looks, and waits until the file is the same at two looks in a row. Never raises.
        """
        if not at_rest and self._clock.monotonic() < self._next_look:
            return
        async with self._looking:
            self._next_look = self._clock.monotonic() + LOOK_SECONDS
            await asyncio.to_thread(self._file.look, at_rest=at_rest)
            self._take(Layers(self._layers.environment, self._file.current, self._layers.overrides))
            if self._clock.monotonic() >= self._next_poll:
                await self._poll()

    async def read_overrides(self) -> None:
        """Take over the overrides now: somebody has just changed one. Never raises."""
        async with self._looking:
            await self._poll()

    def close(self) -> None:
        """End the connection to PostgreSQL, if there is one."""
        self._store.drop()

    async def _poll(self) -> None:
        self._next_poll = self._clock.monotonic() + POLL_SECONDS
        try:
            overrides, problems = typed(await self._store.ask(_all_overrides))
        except StoreUnavailable as error:
            if self._unread is not None and self._unread != str(error):
                logger.warning(_UNREAD, error)
                self._unread = str(error)
            return
        except Exception:  # noqa: BLE001 - what was read before stays; a changed limit must never end a process
            logger.exception("the overrides of scrapers cannot be read")
            return
        self._unread = None
        for problem in problems:
            if problem not in self._override_problems:
                logger.error("{}", problem)
        self._override_problems = problems
        self._take(Layers(self._layers.environment, self._layers.file, overrides))

    def _take(self, layers: Layers) -> None:
        before, self._layers = self._layers, layers
        if layers == before:
            return
        self._cache = {}
        self.version += 1
        _tell(before, layers)


async def limits_now(settings: Settings, registry: Names) -> LiveLimits:
    """What holds at this moment, for somebody who looks once. Says nothing about what cannot be read."""
    limits = LiveLimits(settings, registry)
    logger.disable("pregao.limits")
    try:
        await limits.look()
    finally:
        logger.enable("pregao.limits")
        limits.close()
    return limits


@asynccontextmanager
async def following_limits(limits: LiveLimits) -> AsyncIterator[None]:
    """Look every second while the block runs, and before it begins."""
    background = Background("limits of scrapers")
    await limits.look(at_rest=True)
    background.start(lambda: _follow(limits))
    try:
        yield
    finally:
        await background.stop()
        limits.close()


async def _follow(limits: LiveLimits) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await limits.look(at_rest=True)


async def _all_overrides(pool: Pool) -> list[Override]:
    return await ScraperOverrides(pool).all()


def _environment(settings: Settings) -> dict[str, tuple[Any, str]]:
    """What the environment says, with its variables; 0 stands for no limit there."""
    said = {
        "timeout_seconds": (settings.timeout_ms / 1000, "timeout_ms"),
        "max_retries": (settings.max_retries, "max_retries"),
        "memory_mb": (settings.scraper_memory_mb or None, "scraper_memory_mb"),
        "cpu_seconds": (settings.scraper_cpu_seconds or None, "scraper_cpu_seconds"),
        "cleanup_seconds": (settings.scraper_cleanup_seconds, "scraper_cleanup_seconds"),
        "initialize": (settings.scraper_initialize, "scraper_initialize"),
    }
    fields = Settings.model_fields
    return {
        key: (value, fields[attribute].alias or attribute)
        for key, (value, attribute) in said.items()
        if attribute in settings.model_fields_set
    }


def _tell(before: Layers, after: Layers) -> None:
    """Log which overrides changed; what the file says is logged when it is read."""
    for scraper in before.overrides.keys() | after.overrides.keys():
        old, new = before.overrides.get(scraper, {}), after.overrides.get(scraper, {})
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) == new.get(key):
                continue
            override = new.get(key)
            name = (override or old[key]).name
            if override is None:
                logger.info("{}: the override of {} was taken away", name, key)
            else:
                logger.info("{}: {} is {} now, by {}", name, key, plain(override.value), override.who)
