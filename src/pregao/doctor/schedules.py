"""The schedule file, read as a scheduler here would read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from pregao.configuration.problem import FileRefused
from pregao.doctor.finding import Finding, error, named, ok, warning
from pregao.domain.clock import Clock
from pregao.limits.disabled import resolve_enabled
from pregao.limits.live import limits_now
from pregao.scheduler.loader import NO_SCRAPER, ScheduleFile, load_schedules
from pregao.scrapers.registry import Registry
from pregao.settings import Settings

SUBJECT = "schedules"


async def look_at_schedules(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """What would fire, every problem and warning with its line, and the schedules without a scraper."""
    try:
        file = await _load(settings, clock)
    except FileRefused as refused:
        yield error(SUBJECT, str(refused.details), "a scheduler does not start with it: see what it says")
        return
    enabled = [schedule for schedule in file.schedules.values() if schedule.enabled]
    asleep = [schedule for schedule in enabled if schedule.name not in file.scrapers]
    lacking = [schedule for schedule in asleep if file.asleep.get(schedule.name) == NO_SCRAPER]
    yield ok(SUBJECT, f"{len(enabled) - len(asleep)} of {len(file.schedules)} in {file.path} fire here")
    for problem in file.problems:
        yield error(SUBJECT, str(problem), "this one is not loaded; `pregao schedules check` reads the file again")
    for problem in file.warnings:
        yield warning(SUBJECT, str(problem), "it is loaded; change it if that was not meant")
    for schedule in asleep:
        if schedule not in lacking:
            yield ok(SUBJECT, f"{schedule.name} does not fire here: {file.why_not_run(schedule.name)}")
    if lacking:
        silent = [f"{schedule.name} ({schedule.scraper})" for schedule in lacking]
        detail = f"{len(silent)} do not fire here for want of their scraper: {named(silent)}"
        yield warning(SUBJECT, detail, "install the scrapers (PREGAO_SCRAPERS), or write `enabled: false`")


async def _load(settings: Settings, clock: Clock) -> ScheduleFile:
    registry = await asyncio.to_thread(Registry.load, settings)
    resolve = partial(resolve_enabled, registry, await limits_now(settings, registry))
    return await asyncio.to_thread(load_schedules, settings.schedules_path, resolve=resolve, clock=clock)
