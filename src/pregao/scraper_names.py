"""Loose names of scrapers as a new job may give them: known here, or known to a worker that lives."""

from __future__ import annotations

from difflib import get_close_matches

from pregao.domain.errors import InvalidInput
from pregao.domain.names import fold
from pregao.queue.views import QueueViews
from pregao.scrapers.aside import aside
from pregao.scrapers.registry import Registry, UnknownScraper


async def resolve_scraper(name: str, registry: Registry, views: QueueViews) -> str:
    """The full name of a scraper that is installed here, or that a live worker runs.

    Raises InvalidInput, naming what comes close, what the name may stand for, or why the scraper does not load; and
    QueueUnavailable.
    """
    try:
        return registry.resolve(name)
    except InvalidInput:
        # It may have been added or mended a moment ago.
        await aside(registry.refresh)
    try:
        return registry.resolve(name)
    except UnknownScraper as unknown:
        running = await names_on_workers(views)
        found = running.get(fold(name))
        if found is not None and fold(name):
            return found
        close = [running[key] for key in get_close_matches(fold(name), running, n=3)]
        if unknown.suggestions or not close:
            raise
        fix = f"did you mean {', '.join(close)}?"
        raise InvalidInput("scraper_name", name, "is not a known scraper", fix) from None


async def names_on_workers(views: QueueViews) -> dict[str, str]:
    """The full names of the scrapers that live workers run, by the folded ones. Raises QueueUnavailable."""
    return {fold(scraper): scraper for worker in await views.workers() for scraper in worker.scrapers}
