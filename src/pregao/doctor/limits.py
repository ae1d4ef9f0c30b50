"""The file of limits and the overrides, read as a worker here would read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pregao.doctor.finding import Finding, error, ok, warning
from pregao.limits.live import limits_now
from pregao.scrapers.registry import Registry
from pregao.settings import Settings

SUBJECT = "limits"


async def look_at_limits(settings: Settings) -> AsyncIterator[Finding]:
    """How much is limited, every problem and warning with its line, who is disabled, and what was changed."""
    registry = await asyncio.to_thread(Registry.load, settings)
    limits = await limits_now(settings, registry)
    file = limits.layers.file
    if limits.in_force is not None:
        yield warning(SUBJECT, limits.in_force, f"mend {limits.path}; every process takes it over within seconds")
    elif file.missing:
        yield ok(SUBJECT, f"{file.path} does not exist: no scraper and no host has limits of its own")
    else:
        yield ok(SUBJECT, f"{file.path} has {file.summary}")
    for problem in limits.problems:
        if problem == limits.in_force:
            continue
        yield error(SUBJECT, problem, "until then running processes keep the limits that they had")
    for odd in file.warnings:
        yield warning(SUBJECT, str(odd), "the rest of the file counts; change it if that was not meant")
    for name in limits.layers.names().values():
        setting = limits.settings_of(name)["enabled"]
        if not setting.value:
            yield ok(SUBJECT, f"{name} is disabled ({setting.detail}): its schedules do not fire, and its jobs wait")
    changed = sorted(next(iter(keys.values())).name for keys in limits.layers.overrides.values())
    if changed:
        yield ok(SUBJECT, f"changed while the system runs: {', '.join(changed)}; `pregao scrapers audit` has by whom")
