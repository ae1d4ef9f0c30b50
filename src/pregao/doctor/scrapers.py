"""The scrapers that are installed here."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pregao.doctor.finding import Finding, error, ok
from pregao.scrapers.aside import aside
from pregao.scrapers.registry import Registry
from pregao.settings import Settings


async def look_at_scrapers(settings: Settings) -> AsyncIterator[Finding]:
    """What loads, and what does not."""
    registry = await aside(Registry.load, settings)
    yield ok("scrapers", f"{len(registry.names())} load: {', '.join(registry.names())}")
    for problem in registry.problems:
        yield error("scrapers", f"{problem.place}: {problem.error}", problem.fix or "correct it")
    for entry in registry.entries():
        if entry.missing:
            yield ok("keys", f"{entry.name} is {entry.missing_configuration}; until then it does not run here")
