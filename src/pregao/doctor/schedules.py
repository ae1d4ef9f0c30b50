"""The schedule file, read as a scheduler here would read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pregao.configuration.problem import FileRefused
from pregao.doctor.finding import Finding, error, named, ok, warning
from pregao.domain.clock import Clock
from pregao.scheduler.loader import ScheduleFile, load_schedules
from pregao.scrapers.registry import Registry
from pregao.settings import Settings

SUBJECT = "schedules"


async def look_at_schedules(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """What would fire, every problem and warning with its line, and the schedules without a scraper."""
    try:
        file = await asyncio.to_thread(_load, settings, clock)
    except FileRefused as refused:
        yield error(SUBJECT, str(refused.details), "a scheduler does not start with it: see what it says")
        return
    enabled = [schedule for schedule in file.schedules.values() if schedule.enabled]
    silent = [f"{schedule.name} ({schedule.scraper})" for schedule in enabled if schedule.name not in file.scrapers]
    yield ok(SUBJECT, f"{len(enabled) - len(silent)} of {len(file.schedules)} in {file.path} fire here")
    for problem in file.problems:
        yield error(SUBJECT, str(problem), "this one is not loaded; `pregao schedules check` reads the file again")
    for problem in file.warnings:
        yield warning(SUBJECT, str(problem), "it is loaded; change it if that was not meant")
    if silent:
        detail = f"{len(silent)} do not fire here for want of their scraper: {named(silent)}"
        yield warning(SUBJECT, detail, "install the scrapers (PREGAO_SCRAPERS), or write `enabled: false`")


def _load(settings: Settings, clock: Clock) -> ScheduleFile:
    return load_schedules(settings.schedules_path, resolve=Registry.load(settings).resolve, clock=clock)
