"""The browsers of one worker: how many jobs that launch one may run at once, and how far apart they are launched."""

from __future__ import annotations

import asyncio

from pregao.attempt.outcome import StopReason
from pregao.domain.clock import Clock
from pregao.domain.errors import InvalidInput
from pregao.domain.names import fold
from pregao.queue.messages import NO_RATION, Ration
from pregao.scrapers.lookup import SPELLINGS_LIMIT
from pregao.scrapers.registry import Registry


class BrowserBudget:
    """Counts the jobs that run here of scrapers whose transport is a browser: at most `count`.

    A claim carries `ration`; each job that it brought is told to `take`, and given back by `give_back`.
    """

    def __init__(self, registry: Registry, count: int) -> None:
        self.count = count
        self.used = 0
        self._registry = registry
        self._version: int | None = None
        self._names: frozenset[str] = frozenset()
        self._listed = ""
        self._spellings: dict[str, bool] = {}

    @property
    def ration(self) -> Ration:
        """What the next claim may take: every folded name that means such a scraper, and how many jobs of them."""
        self._follow()
        return Ration(self._listed, max(0, self.count - self.used)) if self._names else NO_RATION

    def take(self, scraper_name: str) -> bool:
        """Count a job that was claimed, if it is of such a scraper; whether it is."""
        self._follow()
        if not self._names:
            return False
        is_one = self._spellings.get(scraper_name)
        if is_one is None:
            is_one = fold(scraper_name) in self._names
            if len(self._spellings) < SPELLINGS_LIMIT:
                self._spellings[scraper_name] = is_one
        self.used += is_one
        return is_one

    def give_back(self) -> None:
        """Such a job has ended, and its browser with it."""
        self.used -= 1

    def _follow(self) -> None:
        """Take over the scrapers as they are now."""
        if self._registry.version == self._version:
            return
        self._version = self._registry.version
        self._names = _names_of_browsers(self._registry)
        self._listed = ",".join(sorted(self._names))
        self._spellings.clear()


def _names_of_browsers(registry: Registry) -> frozenset[str]:
    """Jobs may call a scraper by any of its names; one that means another scraper as well is left out."""
    found = set()
    for entry in registry.entries():
        if entry.transport == "browser":
            keys = entry.keys()
            found |= {key for key in keys if key and _means(registry, key, entry.name)}
    return frozenset(found)


def _means(registry: Registry, key: str, name: str) -> bool:
    try:
        return registry.resolve(key) == name
    except InvalidInput:
        return False


class Launches:
    """Browsers are launched one after another, `distance_seconds` apart: starting one takes all of a small machine."""

    def __init__(self, distance_seconds: float, clock: Clock) -> None:
        self._distance_seconds = distance_seconds
        self._clock = clock
        self._next = clock.monotonic()

    async def turn(self, stop: asyncio.Future[StopReason]) -> bool:
        """Wait for a turn, in the order of asking; False as soon as `stop` is done, whose turn passes unused."""
        now = self._clock.monotonic()
        at = max(now, self._next)
        self._next = at + self._distance_seconds
        if at > now:
            await asyncio.wait({stop}, timeout=at - now)
        return not stop.done()
