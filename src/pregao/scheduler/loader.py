"""Reads config/scraper_schedules.yaml. Every problem of a file is found at once; a schedule with one is not loaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from pregao.configuration.document import Mapping, read_yaml
from pregao.configuration.form import Form
from pregao.configuration.problem import Problem, shown
from pregao.domain.clock import Clock
from pregao.domain.errors import InvalidInput
from pregao.domain.job import MAX_RETRIES_LIMIT, TIMEOUT_LIMIT_SECONDS, JobPriority
from pregao.domain.names import counted
from pregao.domain.schedule import DEFAULT_GRACE_SECONDS, DEFAULT_TIMEZONE, CatchUp, Once, Schedule, ScheduleType
from pregao.limits.disabled import DISABLED, ScraperDisabled
from pregao.scheduler.metadata import read_metadata
from pregao.scheduler.rules import FIELDS_OF_TYPE, read_moment, read_rule
from pregao.scheduler.tickers import read_tickers
from pregao.scheduler.triggers import next_fire
from pregao.scrapers.base import NotConfigured
from pregao.scrapers.registry import BrokenScraper, UnknownScraper

COMMON_FIELDS = (
    "enabled", "type", "scraper", "priority", "tickers", "timezone", "misfire_grace_seconds", "catch_up",
    "max_retries", "timeout_seconds", "metadata", "description",
)  # fmt: skip
GRACE_LIMIT_SECONDS = 366 * 86_400
NAME_LIMIT = 200
NO_SCRAPER = "no scraper"
NOT_LOADED = "not loaded"


class ScheduleFile(msgspec.Struct, frozen=True):
    """What a schedule file holds.

    `schedules` are the sound ones by name. `scrapers` gives the canonical scraper of each schedule that can fire;
    `asleep` says of the others what they lack: `no scraper`, `disabled` (it is), `not configured: set NAME`, or
    `not loaded: PLACE: ERROR`. `suggestions` says for some which scraper was meant, or what to do. `warnings` keep
    nothing from running.
    """

    path: Path
    schedules: dict[str, Schedule]
    scrapers: dict[str, str]
    problems: list[Problem]
    warnings: list[Problem]
    asleep: dict[str, str] = {}
    suggestions: dict[str, str] = {}

    @property
    def usable(self) -> bool:
        """Whether it may take the place of what was loaded before: not when nothing in it is sound."""
        return bool(self.schedules) or not self.problems

    @property
    def summary(self) -> str:
        """How many schedules there are."""
        return counted(len(self.schedules), "schedule")

    @property
    def unknown(self) -> list[str]:
        """A sentence for each enabled schedule whose scraper nobody knows here."""
        names = [name for name, lack in self.asleep.items() if lack == NO_SCRAPER and self.schedules[name].enabled]
        return [f"schedule {name} does not fire: {self.why_not_run(name)}" for name in names]

    def why_not_run(self, name: str) -> str | None:
        """Why the jobs of a schedule cannot be made here: "its scraper 'BCBB' is not installed; did you mean BCB?"."""
        if name in self.scrapers:
            return None
        lack, suggestion = self.asleep.get(name, NO_SCRAPER), self.suggestions.get(name)
        lack = "not installed" if lack == NO_SCRAPER else lack
        why = f"its scraper {shown(self.schedules[name].scraper)} is {lack}"
        return why if suggestion is None else f"{why}; {suggestion}"

    def why_silent(self, name: str) -> str | None:
        """Why a schedule does not fire by itself; None when it does."""
        return self.why_not_run(name) or (None if self.schedules[name].enabled else "it is disabled")


def load_schedules(path: Path, *, resolve: Callable[[str], str] | None = None, clock: Clock) -> ScheduleFile:
    """Read and check a schedule file.

    `resolve` turns a loose scraper name into the canonical one and raises UnknownScraper, NotConfigured, BrokenScraper,
    ScraperDisabled, or InvalidInput when the name is ambiguous; without it every name stands for itself. Raises
    FileRefused when the file is missing or is not YAML; all else is listed in `problems`.
    """
    result = ScheduleFile(path, {}, {}, [], [])
    listing = _listing(path, result.problems)
    if listing is None:
        return result
    file = str(path)
    repeated = {name for name, _, _ in listing.duplicates}
    for name, line, first in listing.duplicates:
        result.problems.append(
            Problem(
                file=file, line=line, entry=name, problem=f"is written twice, first on line {first}",
                fix="give one of the two another name; neither is loaded",
            )
        )  # fmt: skip
    for name, entry in listing.entries.items():
        line = listing.key_lines[name]
        if not isinstance(entry.value, Mapping):
            result.problems.append(
                Problem(
                    file=file, line=line, entry=name, value=entry.text, problem="is not a schedule",
                    fix="indent its fields below its name: type, scraper, hour …",
                )
            )  # fmt: skip
            continue
        form = Form(file, name, line, entry.value)
        schedule = _read_schedule(form, clock.now())
        scraper, lack, suggestion = (None, "", None) if schedule is None else _resolve(form, schedule.scraper, resolve)
        result.problems.extend(form.problems)
        result.warnings.extend(form.warnings)
        if schedule is None or form.problems or name in repeated:
            continue
        result.schedules[name] = schedule
        if scraper is not None:
            result.scrapers[name] = scraper
            continue
        result.asleep[name] = lack
        if suggestion is not None:
            result.suggestions[name] = suggestion
    return result


def _listing(path: Path, problems: list[Problem]) -> Mapping | None:
    """The entries below `schedules:`."""
    file, fix = str(path), "start it with `schedules:` and indent each schedule below it"
    document = read_yaml(path)
    if document is None or document.value is None:
        problems.append(Problem(file=file, line=1, problem="the file is empty", fix=fix))
        return None
    if not isinstance(document.value, Mapping):
        problems.append(
            Problem(file=file, line=document.line, value=document.text, problem="is not a mapping", fix=fix)
        )
        return None
    top = Form(file, "", document.line, document.value)
    top.report_duplicates()
    known = [name for name in top.names() if name == "schedules" or name.startswith("x-")]
    top.report_unknown(["schedules", *known], "the file takes schedules, and x-… for anchors")
    problems.extend(top.problems)
    listing = top.get("schedules")
    if listing is None:
        problems.append(Problem(file=file, line=document.line, problem="there is no `schedules:`", fix=fix))
        return None
    if not isinstance(listing.value, Mapping):
        what = "has nothing below it" if listing.value is None else "is not a mapping of names to schedules"
        problems.append(
            Problem(
                file=file, line=listing.line, field="schedules", value=listing.text or None, problem=what,
                fix="indent each schedule below it by name, or write `schedules: {}` for none",
            )
        )  # fmt: skip
        return None
    return listing.value


def _read_schedule(form: Form, now: datetime) -> Schedule | None:
    """Read every field, so that all problems are reported; None when one of them keeps it from existing."""
    form.report_duplicates()
    _check_name(form)
    kind = _read_type(form)
    zone = _read_timezone(form)
    scraper = _read_scraper(form)
    options = _read_options(form)
    if kind is None:
        return None
    rule = read_rule(form, kind, zone)
    start, end = _read_bounds(form, kind, zone)
    if rule is None or scraper is None or form.problems:
        return None
    schedule = Schedule(
        name=form.entry, scraper=scraper, rule=rule, timezone=zone.key, start_date=start, end_date=end, **options
    )
    unbounded = msgspec.structs.replace(schedule, start_date=None, end_date=None)
    if kind is ScheduleType.CRON and next_fire(unbounded, now) is None:
        form.report(None, "never fires: no date has these fields", "check day and month")
        return None
    _warn_of_the_past(form, schedule, now)
    return schedule


def _warn_of_the_past(form: Form, schedule: Schedule, now: datetime) -> None:
    """What is over may be meant, as a record of what once was to happen; most often it is a wrong year."""
    told, fix = "is in the past: it never fires", "write a later one, or remove the schedule"
    if isinstance(schedule.rule, Once) and schedule.rule.at <= now:
        form.warn("run_date", told, fix)
    if schedule.end_date is not None and schedule.end_date < now:
        form.warn("end_date", told, fix)


def _check_name(form: Form) -> None:
    name = form.entry
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
        form.report(None, "has an unusable name", f"use 1 to {NAME_LIMIT} printable characters")


def _read_type(form: Form) -> ScheduleType | None:
    if not form.has("type"):
        fields = sorted({*COMMON_FIELDS, *(name for names in FIELDS_OF_TYPE.values() for name in names)})
        form.report_unknown(fields, "a schedule takes type, scraper, tickers and what its type takes")
        form.report("type", "is missing", "add type: cron, interval or date")
        return None
    text = form.choice("type", [kind.value for kind in ScheduleType])
    if text is None:
        return None
    kind = ScheduleType(text)
    allowed = FIELDS_OF_TYPE[kind]
    form.report_unknown([*COMMON_FIELDS, *allowed], f"type {kind.value} takes {', '.join(allowed)}")
    return kind


def _read_timezone(form: Form) -> ZoneInfo:
    name = form.text("timezone")
    if name is None:
        return ZoneInfo(DEFAULT_TIMEZONE)
    if name in _timezones():
        return ZoneInfo(name)
    close = get_close_matches(name, _timezones(), n=1)
    form.report(
        "timezone", "is not a timezone", f"did you mean {close[0]}?" if close else f"use for example {DEFAULT_TIMEZONE}"
    )
    return ZoneInfo(DEFAULT_TIMEZONE)


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _read_scraper(form: Form) -> str | None:
    if not form.has("scraper"):
        form.report("scraper", "is missing", "name the scraper, for example scraper: B3")
        return None
    return form.text("scraper")


def _read_options(form: Form) -> dict[str, Any]:
    """The fields that all types share, by the names of Schedule's fields."""
    priority = form.choice("priority", [level.value for level in JobPriority])
    catch_up = form.choice("catch_up", [policy.value for policy in CatchUp])
    grace = form.seconds("misfire_grace_seconds", at_most=GRACE_LIMIT_SECONDS)
    return {
        "enabled": form.boolean("enabled", True),
        "priority": JobPriority.NORMAL if priority is None else JobPriority(priority),
        "tickers": read_tickers(form),
        "misfire_grace_seconds": DEFAULT_GRACE_SECONDS if grace is None else grace,
        "catch_up": CatchUp.LATEST if catch_up is None else CatchUp(catch_up),
        "max_retries": form.whole_number("max_retries", at_least=0, at_most=MAX_RETRIES_LIMIT),
        "timeout_seconds": form.seconds("timeout_seconds", above=0, at_most=TIMEOUT_LIMIT_SECONDS),
        "metadata": read_metadata(form),
        "description": form.text("description", blank=True) or "",
    }


def _read_bounds(form: Form, kind: ScheduleType, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    if kind is ScheduleType.DATE:
        return None, None
    start = read_moment(form, "start_date", zone) if form.has("start_date") else None
    end = read_moment(form, "end_date", zone, end_of_day=True) if form.has("end_date") else None
    if start is not None and end is not None and end.at < start.at:
        form.report("end_date", "is before start_date", "swap the two, or leave one out")
    return start and start.at.astimezone(UTC), end and end.at.astimezone(UTC)


def _resolve(form: Form, scraper: str, resolve: Callable[[str], str] | None) -> tuple[str | None, str, str | None]:
    """The canonical name; or None, what it lacks here, which is not the file's fault, and what may have been meant.

    A scraper that did load before keeps its schedule: what it fires fails with the reason, until it is mended.
    """
    if resolve is None:
        return scraper, "", None
    try:
        return resolve(scraper), "", None
    except UnknownScraper as error:
        return None, NO_SCRAPER, error.fix if error.suggestions else None
    except NotConfigured as error:
        return None, str(error), None
    except ScraperDisabled as error:
        return None, DISABLED, error.fix
    except BrokenScraper as error:
        if error.canonical is None:
            return None, f"{NOT_LOADED}: {error.reason}", None
        form.warn("scraper", error.problem, error.fix)
        return error.canonical, "", None
    except InvalidInput as error:
        form.report("scraper", error.problem, error.fix)
        return None, error.problem, None
