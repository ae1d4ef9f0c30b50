"""Feeds that the jobs of an event loop share: those that want the same one at the same time download it once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.scrapers.failures import repeated
from pregao.scrapers.http import Site
from pregao.scrapers.loop_local import LoopLocal
from pregao.scrapers.rss import Feed, parse_feed

FRESH_SECONDS = 60.0
FEEDS_IN_MEMORY = 16


@dataclass(frozen=True, slots=True)
class ReadFeed:
    """A feed, and the address that it came from."""

    feed: Feed
    url: str

    @property
    def host(self) -> str:
        """Who sent it, for messages."""
        return _host(self.url)


@dataclass(slots=True)
class _Held:
    """What is known of one feed. `failures` counts up, so that who waited can tell whether a try failed meanwhile."""

    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    read: ReadFeed | None = None
    since: float = 0.0
    failures: int = 0
    last_failure: ScrapeError | None = None


async def read_feed(
    site: Site, origin: str, path: str, clock: Clock, *, params: Mapping[str, str] | None = None
) -> ReadFeed:
    """The feed at `path`, at most a minute old. Raises ScrapeError as `Site.get` and `parse_feed` do.

    Those who waited for a download that failed share its failure: they need no try each.
    """
    held = _held(str(httpx.URL(site.origin(origin) + path, params=params or {})))
    failures = held.failures
    async with held.one_at_a_time:
        if held.read is not None and clock.monotonic() - held.since <= FRESH_SECONDS:
            return held.read
        if held.failures > failures and held.last_failure is not None:
            raise repeated(held.last_failure)
        try:
            reply = await site.get(origin, path, params=params)
            feed = await asyncio.to_thread(parse_feed, reply.body, _host(reply.url))
        except ScrapeError as error:
            held.failures += 1
            held.last_failure = error
            raise
        held.read, held.since = ReadFeed(feed, reply.url), clock.monotonic()
        return held.read


_feeds: LoopLocal[OrderedDict[str, _Held]] = LoopLocal(OrderedDict)


def _held(address: str) -> _Held:
    """What is known of the feed at `address`; those that nobody asked for lately are forgotten."""
    feeds = _feeds.get()
    held = feeds.setdefault(address, _Held())
    feeds.move_to_end(address)
    while len(feeds) > FEEDS_IN_MEMORY:
        feeds.popitem(last=False)
    return held


def _host(url: str) -> str:
    return httpx.URL(url).netloc.decode("ascii")
