"""A schedule's rule as a person would say it: "at 10:30, Monday to Friday".

What has no such sentence is told field by field: "at minute 5,20 of hour 9-17".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pregao.domain.clock import MARKET_ZONE
from pregao.domain.names import counted
from pregao.domain.schedule import CronFields, Every, Once, Rule, UnixCron

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def in_words(rule: Rule) -> str:
    """The rule in one line.

    >>> in_words(CronFields(hour="10", minute="30", day_of_week="0-4"))
    'at 10:30, Monday to Friday'
    >>> in_words(Every(5400))
    'every 90 minutes'
    """
    match rule:
        case CronFields(second, minute, hour, day, month, day_of_week):
            days = _days(day, _of_week(day_of_week, first=0), " and ")
            return _sentence(_times(second, minute, hour), days, _months(month))
        case UnixCron(expression):
            minute, hour, day, month, day_of_week = expression.lower().split()
            # In a Unix expression one of the two is enough.
            days = _days(day, _of_week(day_of_week, first=-1), " or ")
            return _sentence(_times("0", minute, hour), days, _months(month))
        case Every(seconds):
            return f"every {_length(seconds)}"
        case Once(at):
            return f"once, on {_moment(at)}"


def _sentence(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _length(seconds: int) -> str:
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return unit if seconds == size else counted(seconds // size, unit)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(MARKET_ZONE):%A %Y-%m-%d at %H:%M:%S}"


def _times(second: str, minute: str, hour: str) -> str:
    if second != "0":
        return _by_fields(second=second, minute=minute, hour=hour)
    if not minute.isdecimal():
        return _many_times(minute, hour)
    at = f"{int(minute):02}"
    hours = hour.split(",")
    if all(part.isdecimal() for part in hours):
        return "at " + _listed([f"{int(part):02}:{at}" for part in hours])
    step, first, last = _stepped(hour, "hour")
    if not step:
        return _by_fields(minute=minute, hour=hour)
    if first:
        return f"{step} from {int(first):02}:{at} to {int(last):02}:{at}"
    return step if at == "00" else f"{step} at minute {int(minute)}"


def _many_times(minute: str, hour: str) -> str:
    """The minute is open or a list: every so many minutes, in all hours or in some of them."""
    step, first, _ = _stepped(minute, "minute")
    start, _, end = hour.partition("-")
    if not step or first:
        return _by_fields(minute=minute, hour=hour)
    if hour == "*":
        return step
    if start.isdecimal() and (end or start).isdecimal():
        return f"{step} from {int(start):02}:00 to {int(end or start):02}:59"
    return _by_fields(minute=minute, hour=hour)


def _stepped(text: str, unit: str) -> tuple[str, str, str]:
    """`*/15` as ("every 15 minutes", "", ""), `8-18/2` with its ends; ("", "", "") for anything else."""
    ends, _, step = text.partition("/")
    first, _, last = ends.partition("-")
    every = f"every {unit}" if step in ("", "1") else f"every {counted(int(step), unit)}"
    if ends == "*":
        return every, "", ""
    return (every, first, last) if first.isdecimal() and last.isdecimal() else ("", "", "")


def _by_fields(**fields: str) -> str:
    return "at " + " of ".join(f"{name} {text}" if text != "*" else f"every {name}" for name, text in fields.items())


def _days(day: str, of_week: str, between: str) -> str:
    if day == "*":
        return of_week
    last = day in ("last", "l")
    of_month = "on the last day of the month" if last else f"on the {day}" if " " in day else f"on day {day}"
    return f"{of_month}{between}{of_week}" if of_week else of_month


def _of_week(text: str, *, first: int) -> str:
    """Days of the week in words; `first` is the place among them of the day whose number is 0."""
    return _named(text, lambda number: _DAYS[(number + first) % 7], _DAYS)


def _months(text: str) -> str:
    told = _named(text, lambda number: _MONTHS[number - 1], _MONTHS)
    return f"in {told}" if told else ""


def _named(text: str, name_of: Callable[[int], str], names: tuple[str, ...]) -> str:
    """A list of numbers, names and ranges in words; empty for a field that is open."""
    if text in ("*", "?"):
        return ""
    by_short = {name[:3].lower(): name for name in names}

    def word(part: str) -> str:
        return name_of(int(part)) if part.isdecimal() else by_short.get(part, part)

    terms = text.split(",")
    told = [term if "/" in term else " to ".join(word(end) for end in term.split("-")) for term in terms]
    return _listed(list(dict.fromkeys(told)))


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
