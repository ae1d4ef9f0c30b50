"""The trigger fields of a schedule: cron, interval, date. Each reader reports what is wrong and answers None."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pregao.configuration.form import Form
from pregao.domain.schedule import CronFields, Every, Once, Rule, ScheduleType, UnixCron
from pregao.scheduler.ranges import SPANS, UNIX_SPANS, backward_range
from pregao.scheduler.triggers import as_utc, check_cron_fields, check_unix_cron, is_cron_expression

CRON_FIELDS = ("month", "day", "day_of_week", "hour", "minute", "second")
UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
FIELDS_OF_TYPE: dict[ScheduleType, tuple[str, ...]] = {
    ScheduleType.CRON: (*CRON_FIELDS, "cron", "start_date", "end_date"),
    ScheduleType.INTERVAL: (*UNITS, "start_date", "end_date"),
    ScheduleType.DATE: ("run_date",),
}
INTERVAL_LIMIT_SECONDS = 3660 * 86_400

_RANGES = {
    "month": "1 to 12 or jan to dec",
    "day": "1 to 31, or last",
    "day_of_week": "0 (Monday) to 6 (Sunday), or mon to sun",
    "hour": "0 to 23",
    "minute": "0 to 59",
    "second": "0 to 59",
}


def read_rule(form: Form, kind: ScheduleType, zone: ZoneInfo) -> Rule | None:
    """The rule of a schedule of this type."""
    match kind:
        case ScheduleType.CRON:
            return _read_cron(form)
        case ScheduleType.INTERVAL:
            return _read_interval(form)
        case ScheduleType.DATE:
            return _read_date(form, zone)


def _read_cron(form: Form) -> CronFields | UnixCron | None:
    given = [name for name in CRON_FIELDS if form.has(name)]
    if form.has("cron"):
        if given:
            form.report(given[0], "stands beside a cron: expression", "keep one of the two")
            return None
        return _read_expression(form)
    if not given:
        _report_missing(form, "needs a field that says when", "add for example hour: 9, or cron: '30 10 * * mon-fri'")
        return None
    texts = {name: _cron_text(form, name) for name in given}
    complete = {name: text for name, text in texts.items() if text is not None}
    return CronFields(**_with_defaults(complete)) if len(complete) == len(given) else None


def _report_missing(form: Form, problem: str, fix: str) -> None:
    # A misspelt field is reported already, with the right name; that it is missing follows from it.
    if not form.has_unknown:
        form.report("type", problem, fix)


def _with_defaults(given: dict[str, str]) -> dict[str, str]:
    """A missing minute or second is 0 when a larger field is given, so `hour: 9` is 09:00:00 and nothing more."""
    filled = dict(given)
    if "minute" not in given and given.keys() - {"second"}:
        filled["minute"] = "0"
        # Days alone mean once on those days; days with a minute mean each of their hours.
        if "hour" not in given:
            filled["hour"] = "0"
    return filled


def _read_expression(form: Form) -> UnixCron | None:
    value = form.get("cron")
    if value is None or not isinstance(value.value, str):
        form.report("cron", "is not text", "write it in quotes, for example '30 10 * * mon-fri'")
        return None
    expression = value.value.strip()
    try:
        check_unix_cron(expression)
    except ValueError as error:
        form.report("cron", *_expression_trouble(expression, str(error)))
        return None
    return UnixCron(expression)


def _expression_trouble(expression: str, reason: str) -> tuple[str, str]:
    """What is wrong with a Unix expression, and what to write."""
    if not reason.startswith("has"):
        for (field, span), word in zip(UNIX_SPANS.items(), expression.lower().split(), strict=True):
            backwards = backward_range(span, word)
            if backwards is not None:
                return f"has {backwards.term} for the {field}, which runs backwards", backwards.fix
        reason = f"is not a Unix cron expression: {reason}"
    return reason, "write minute, hour, day of month, month, day of week: '30 10 * * mon-fri'"


def _cron_text(form: Form, name: str) -> str | None:
    value = form.required(name)
    if isinstance(value.value, bool) or not isinstance(value.value, int | str):
        form.report(name, "is not a number or an expression", f"use {_RANGES[name]}, or text as '1,5' or '*/2'")
        return None
    text = str(value.value).strip().lower()
    if not is_cron_expression(name, text):
        form.report(name, "is not an expression", _cron_fix(name, text))
        return None
    try:
        # The other fields are open, so that only this one can be at fault.
        check_cron_fields(CronFields(**{name: text}))
    except ValueError as error:
        backwards = backward_range(SPANS[name], text)
        if backwards is None:
            form.report(name, f"is out of range: {_plain_reason(error)}", _cron_fix(name, text))
        else:
            told = "runs backwards" if backwards.term == text else f"has {backwards.term}, which runs backwards"
            form.report(name, told, backwards.fix)
        return None
    return text


def _cron_fix(name: str, text: str) -> str:
    if name == "day_of_week" and re.search(r"\b7\b", text):
        return "Sunday is 6: days count from Monday = 0"
    if ":" in text and name in ("hour", "minute"):
        hour, minute = text.split(":")[:2]
        return f"write hour: {hour} and minute: {minute}"
    return f"use {_RANGES[name]}; lists, ranges and steps as '1,5', '9-17', '*/2'"


def _plain_reason(error: ValueError) -> str:
    # APScheduler wraps it: Error validating expression '…': reason
    return str(error).rpartition("': ")[2] or str(error)


def _read_interval(form: Form) -> Every | None:
    given = [name for name in UNITS if form.has(name)]
    if not given:
        _report_missing(form, "needs a field that says how often", "add for example minutes: 30")
        return None
    amounts = {name: form.whole_number(name, at_least=1) for name in given}
    total = sum(amount * UNITS[name] for name, amount in amounts.items() if amount is not None)
    if None in amounts.values():
        return None
    if total > INTERVAL_LIMIT_SECONDS:
        form.report(given[0], "makes an interval of more than ten years", "use a shorter one, or type: date")
        return None
    return Every(total)


def _read_date(form: Form, zone: ZoneInfo) -> Once | None:
    if not form.has("run_date"):
        _report_missing(form, "needs a run_date", 'add run_date: "2026-12-30T15:30:00"')
        return None
    moment = read_moment(form, "run_date", zone)
    if moment is None:
        return None
    if moment.only_date:
        form.report("run_date", "has no time of day", f"write for example {moment.text}T15:30:00")
        return None
    return Once(moment.at)


class Moment(NamedTuple):
    """A time in a schedule file: the instant in UTC, and whether only a date was written."""

    at: datetime
    only_date: bool
    text: str


FIRST_YEAR, LAST_YEAR = 2000, 2200
"""Years that a file may name; far from the ends of what a datetime can hold in any zone."""


def read_moment(form: Form, name: str, zone: ZoneInfo, *, end_of_day: bool = False) -> Moment | None:
    """An ISO 8601 time; without an offset it is local to `zone`. A bare date is its first or last instant."""
    value = form.required(name)
    text = value.raw.strip()
    try:
        if not isinstance(value.value, str):
            raise TypeError
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        form.report(name, "is not an ISO 8601 time", 'write for example "2026-12-30T15:30:00"')
        return None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        form.report(name, "is out of range", f"write a year from {FIRST_YEAR} to {LAST_YEAR}")
        return None
    only_date = len(text) <= len("2026-W01-1") and ":" not in text and "T" not in text
    if only_date and end_of_day:
        moment = datetime.combine(moment, time.max)
    at = moment.astimezone(UTC) if moment.tzinfo is not None else as_utc(moment, zone)
    return Moment(at, only_date, text)
