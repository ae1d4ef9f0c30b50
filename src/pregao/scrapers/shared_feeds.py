"""Feeds that the jobs of an event loop share: those that want the same one within a minute download it once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from pregao.domain.clock import Clock
from pregao.scrapers.http import Site
from pregao.scrapers.loop_local import LoopLocal
from pregao.scrapers.rss import Feed, parse_feed
from pregao.scrapers.single_flight import Shared

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


async def read_feed(
    site: Site, origin: str, path: str, clock: Clock, *, params: Mapping[str, str] | None = None
) -> ReadFeed:
    """The feed at `path`, at most a minute old. Raises ScrapeError as `Site.get` and `parse_feed` do."""

    async def download() -> ReadFeed:
        reply = await site.get(origin, path, params=params)
        return ReadFeed(await asyncio.to_thread(parse_feed, reply.body, _host(reply.url)), reply.url)

    held = _shared.get()
    if not held:
        held.append(Shared(clock, FRESH_SECONDS, capacity=FEEDS_IN_MEMORY))
    return await held[0].get(str(httpx.URL(site.origin(origin) + path, params=params or {})), download)


_shared: LoopLocal[list[Shared[str, ReadFeed]]] = LoopLocal(list)


def _host(url: str) -> str:
    return httpx.URL(url).netloc.decode("ascii")
