"""Arguments that are known to have data: what `pregao scrapers check` asks of each scraper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pregao.scrapers.entry import Entry


def canaries(entries: Iterable[Entry]) -> Mapping[str, str]:
    """The canary of each scraper that has one, by its name: what its class says."""
    return {entry.name: entry.canary for entry in entries if entry.canary is not None}
