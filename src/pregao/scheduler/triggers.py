"""When a schedule fires. The one file that touches APScheduler and cronsim, and only to compute.

Rules are matched against the wall clock of the schedule's timezone, as a plain calendar without jumps, and the
result is put on the time line here. So daylight saving time has one treatment for all of them:

* a local time that the clock jumps over fires once, at the instant of the jump;
* a local time that happens twice fires once, the first time;
* except that a cron rule whose hour is open (`*`, `*/2`) goes on in real time: nothing is made up for the hour
  that is jumped over, and the hour that happens twice fires twice;
* an interval of whole days keeps its local time, a shorter one counts elapsed time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
from apscheduler.triggers.cron import CronTrigger
from cronsim import CronSim, CronSimError

from pregao.domain.clock import require_aware
from pregao.domain.names import counted
from pregao.domain.schedule import CronFields, Every, Once, Schedule, UnixCron

EPOCH = datetime(2024, 1, 1)  # noqa: DTZ001 - a local midnight in any timezone
"""Intervals without a start_date are counted from this local midnight, a Monday: each restart finds the same phase."""

_TICK = timedelta(microseconds=1)
_DAY_SECONDS = 86_400
_SCAN = timedelta(hours=12)  # no timezone has two transitions within this time
_ENDS_OF_TIME = datetime(9990, 1, 1, tzinfo=UTC)


def next_fire(schedule: Schedule, after: datetime) -> datetime | None:
    """The first nominal fire time later than `after` (aware), in UTC; None when there is none any more."""
    floor = require_aware(after, "after").astimezone(UTC)
    if schedule.start_date is not None:
        floor = max(floor, schedule.start_date.astimezone(UTC) - _TICK)
    if floor >= _ENDS_OF_TIME:
        return None
    found = _next(schedule, floor)
    if found is None or (schedule.end_date is not None and found > schedule.end_date):
        return None
    return found


def fires_between(schedule: Schedule, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """At most `limit` fire times later than `after` and not later than `until`, oldest first, in UTC."""
    found: list[datetime] = []
    moment = next_fire(schedule, after)
    while moment is not None and moment <= until and len(found) < limit:
        found.append(moment)
        moment = next_fire(schedule, moment)
    return found


def upcoming(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The fire times later than `after`, one by one, in UTC."""
    moment = next_fire(schedule, after)
    while moment is not None:
        yield moment
        moment = next_fire(schedule, moment)


def check_cron_fields(fields: CronFields) -> None:
    """Raise ValueError when a field's expression is out of range for what it counts."""
    _calendar(fields)


def check_unix_cron(expression: str) -> None:
    """Raise ValueError when `expression` is not a five-field Unix expression that can ever match."""
    fields = len(expression.split())
    if fields != 5:
        raise ValueError(f"has {counted(fields, 'field')} and not five")
    try:
        CronSim(expression, EPOCH)
    except CronSimError as error:
        raise ValueError(str(error)) from None


def as_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a naive wall-clock time: the first if it happens twice, the jump's if it never happens."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return first
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _jump(zone, min(first, second), max(first, second))


def _next(schedule: Schedule, after: datetime) -> datetime | None:
    zone = _zone(schedule.timezone)
    match schedule.rule:
        case Once(at):
            instant = at.astimezone(UTC)
            return instant if instant > after else None
        case Every(seconds):
            return _next_interval(seconds, schedule.start_date, zone, after)
        case CronFields(hour=hour) | UnixCron(expression=hour) as rule:
            # The second word of a Unix expression is the hour.
            word = hour.split()[1] if isinstance(rule, UnixCron) else hour
            return _next_open(rule, zone, after) if word.startswith("*") else _next_fixed(rule, zone, after)


def _next_fixed(rule: CronFields | UnixCron, zone: ZoneInfo, after: datetime) -> datetime | None:
    local: datetime | None = after.astimezone(zone).replace(tzinfo=None)
    while (local := _next_local(rule, local)) is not None:
        instant = as_utc(local, zone)
        if instant > after:
            return instant
    return None


def _next_open(rule: CronFields | UnixCron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Walk from one stretch of constant offset to the next."""
    start, local = after, after.astimezone(zone).replace(tzinfo=None)
    while (match := _next_local(rule, local)) is not None:
        instant = start + (match - local) if start == after else start - _TICK + (match - local)
        change = _transition(zone, start, instant)
        if change is None:
            return instant
        start = change
        local = change.astimezone(zone).replace(tzinfo=None) - _TICK
    return None


def _next_interval(seconds: int, start: datetime | None, zone: ZoneInfo, after: datetime) -> datetime | None:
    step = timedelta(seconds=seconds)
    if seconds % _DAY_SECONDS == 0:
        anchor = EPOCH if start is None else start.astimezone(zone).replace(tzinfo=None)
        passed = (after.astimezone(zone).replace(tzinfo=None) - anchor) // step
        # A transition can put the neighbours of this one on either side of `after`.
        return min(
            instant
            for count in range(passed - 1, passed + 3)
            if (instant := as_utc(anchor + count * step, zone)) > after
        )
    origin = as_utc(EPOCH, zone) if start is None else start.astimezone(UTC)
    return origin + ((after - origin) // step + 1) * step


def _next_local(rule: CronFields | UnixCron, after: datetime | None) -> datetime | None:
    """The first wall-clock time later than `after` that matches, both naive."""
    if after is None:
        return None
    if isinstance(rule, UnixCron):
        return next(CronSim(rule.expression, after), None)
    found: datetime | None = _calendar(rule).get_next_fire_time(None, after.replace(tzinfo=UTC) + _TICK)
    return None if found is None else found.replace(tzinfo=None)


def _transition(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The first instant in (start, end] at which the zone's offset changes."""
    offset = start.astimezone(zone).utcoffset()
    low = start
    while low < end:
        high = min(low + _SCAN, end)
        if high.astimezone(zone).utcoffset() != offset:
            return _jump(zone, low, high)
        low = high
    return None


def _jump(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant in (low, high] from which the offset is that of `high`, to the second."""
    target = high.astimezone(zone).utcoffset()
    span = int((high - low).total_seconds())
    # Bisect whole seconds before `high`: transitions are never finer.
    base = high.replace(microsecond=0)
    near, far = 0, span + 1
    while far - near > 1:
        middle = (near + far) // 2
        if (base - timedelta(seconds=middle)).astimezone(zone).utcoffset() == target:
            near = middle
        else:
            far = middle
    return base - timedelta(seconds=near)


@lru_cache(maxsize=1024)
def _calendar(fields: CronFields) -> CronTrigger:
    return CronTrigger(**msgspec.structs.asdict(fields), timezone=UTC)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


_NAME = r"[a-z]{3}(?:-[a-z]{3})?"
_NUMBER = r"\*(?:/\d+)?|\d+(?:-\d+)?(?:/\d+)?"
_TERMS = {
    "day": rf"{_NUMBER}|last|(?:1st|2nd|3rd|4th|5th|last) [a-z]{{3}}",
    "month": rf"{_NUMBER}|{_NAME}",
    "day_of_week": rf"{_NUMBER}|{_NAME}",
}


def is_cron_expression(field: str, text: str) -> bool:
    """Whether `text` has the form of an expression for this field: `9`, `9-17`, `*/15`, `1,15`, `mon-fri`.

    APScheduler itself reads only the head of some expressions: of `mon-fri/2` it drops the `/2`.
    """
    pattern = _TERMS.get(field, _NUMBER)
    return all(re.fullmatch(pattern, term.strip(), re.IGNORECASE) for term in text.split(","))
