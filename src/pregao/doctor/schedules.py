"""The schedule file, read as a scheduler here would read it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial

from pregao.configuration.problem import FileRefused
from pregao.doctor.finding import Finding, error, named, ok, warning
from pregao.domain.clock import Clock
from pregao.limits.disabled import DISABLED, resolve_enabled
from pregao.limits.live import limits_now
from pregao.scheduler.loader import NO_SCRAPER, NOT_LOADED, ScheduleFile, load_schedules
from pregao.scrapers.aside import aside
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
    silent = [schedule.name for schedule in enabled if schedule.name not in file.scrapers]
    yield ok(SUBJECT, f"{len(enabled) - len(silent)} of {len(file.schedules)} in {file.path} fire here")
    for problem in file.problems:
        yield error(SUBJECT, str(problem), "this one is not loaded; `pregao schedules check` reads the file again")
    for problem in file.warnings:
        yield warning(SUBJECT, str(problem), "it is loaded; change it if that was not meant")
    for finding in _of_silent(file, silent):
        yield finding


def _of_silent(file: ScheduleFile, silent: list[str]) -> Iterator[Finding]:
    """Why enabled schedules do not fire; one that waits for a key is as the user set it up."""
    missing: list[str] = []
    broken: list[str] = []
    waiting: list[str] = []
    for name in silent:
        lack = file.asleep[name]
        if lack == DISABLED:
            yield ok(SUBJECT, f"{name} does not fire: {file.why_not_run(name)}")
            continue
        place = missing if lack == NO_SCRAPER else broken if lack.startswith(NOT_LOADED) else waiting
        place.append(f"{name} ({file.schedules[name].scraper})")
    if missing:
        detail = f"{len(missing)} do not fire here for want of their scraper: {named(missing)}"
        cure = "install the scrapers (SCRAPERS_PATH, PREGAO_SCRAPERS), or write `enabled: false`"
        yield warning(SUBJECT, detail, cure)
    if broken:
        detail = f"{len(broken)} do not fire here since their scraper does not load: {named(broken)}"
        yield warning(SUBJECT, detail, "correct the scrapers; `pregao scrapers list` shows what is wrong with them")
    if waiting:
        yield ok(SUBJECT, f"{len(waiting)} fire here as soon as their keys are set: {named(waiting)}")


async def _load(settings: Settings, clock: Clock) -> ScheduleFile:
    registry = await aside(Registry.load, settings)
    resolve = partial(resolve_enabled, registry, await limits_now(settings, registry))
    return await aside(load_schedules, settings.schedules_path, resolve=resolve, clock=clock)
