"""Work that several jobs need at the same time is done once; what it gave is believed for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Flight:
    """Those who want one key now: the first of them works, the others wait."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    failures: int = 0
    failure: ScrapeError | None = None


class SingleFlight(Generic[K, V]):
    """Lets one job of an event loop work for all that want the same key meanwhile.

    A ScrapeError is shared by those who waited for it, and by nobody else: who asks later tries again. One that is
    cancelled at work leaves it to the next.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight] = {}

    async def run(self, key: K, known: Callable[[], V | None], work: Callable[[], Awaitable[V]]) -> V:
        """What `known()` gives, or if that is None what `work()` does. `known` is asked again after waiting."""
        found = known()
        if found is not None:
            return found
        flight = self._flights.setdefault(key, _Flight())
        failures = flight.failures
        flight.users += 1
        try:
            async with flight.lock:
                found = known()
                if found is not None:
                    return found
                if flight.failure is not None and flight.failures > failures:
                    raise _again(flight.failure)
                return await self._work(flight, work)
        finally:
            flight.users -= 1
            if not flight.users:
                del self._flights[key]

    @staticmethod
    async def _work(flight: _Flight, work: Callable[[], Awaitable[V]]) -> V:
        try:
            return await work()
        except ScrapeError as error:
            flight.failures += 1
            flight.failure = error
            raise


class Shared(Generic[K, V]):
    """Values that are fetched once for all jobs of an event loop, and believed for `lifetime_seconds`.

    At most `capacity` of them are kept; those that were used last stay.
    """

    def __init__(self, clock: Clock, lifetime_seconds: float, *, capacity: int = 64) -> None:
        self._clock = clock
        self._lifetime_seconds = lifetime_seconds
        self._capacity = capacity
        self._held: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._flights: SingleFlight[K, V] = SingleFlight()

    async def get(self, key: K, fetch: Callable[[], Awaitable[V]]) -> V:
        """The value of `key`, from `fetch()` if there is no fresh one. Raises what `fetch` raises."""

        async def work() -> V:
            value = await fetch()
            self._held[key] = self._clock.monotonic(), value
            self._held.move_to_end(key)
            while len(self._held) > self._capacity:
                self._held.popitem(last=False)
            return value

        return await self._flights.run(key, lambda: self._fresh(key), work)

    def _fresh(self, key: K) -> V | None:
        held = self._held.get(key)
        if held is None or self._clock.monotonic() - held[0] > self._lifetime_seconds:
            return None
        self._held.move_to_end(key)
        return held[1]


def _again(error: ScrapeError) -> ScrapeError:
    """The same failure for another job, without the trace of the first."""
    copied = type(error).__new__(type(error))
    copied.__dict__.update(error.__dict__)
    copied.args = error.args
    return copied
