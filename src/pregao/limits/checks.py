"""Whether a result deserves the name. Pure: (data, checks, last good values) → what is wrong with it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from pregao.domain.clock import market_iso
from pregao.domain.names import counted
from pregao.limits.block_texts import block_text
from pregao.limits.values import Bounds, ResultChecks
from pregao.scrapers.numbers_ptbr import is_missing, number, percent

NAMED = 5
_DEPTH = 20
_ABSENT = object()


class LastGood(msgspec.Struct, frozen=True):
    """The numbers of the last good result of the same scraper and argument, by field, and when it was."""

    values: Mapping[str, float]
    at: datetime


def check_result(data: Any, checks: ResultChecks, last: LastGood | None = None) -> list[str]:
    """What is wrong with `data` (JSON types). A list is checked item by item; `last` is for `max_deviation`."""
    problems = [
        *_check_required(data, checks.required),
        *_check_count(data, checks.min_fields),
        *_check_ranges(data, checks.ranges),
        *_check_texts(data, checks),
    ]
    if last is not None:
        problems += _check_deviation(data, checks.max_deviation, last)
    return problems


def numbers_in(data: Any, fields: Mapping[str, object]) -> dict[str, float]:
    """The values of those `fields` that are numbers; for what is to be compared later."""
    if not isinstance(data, Mapping):
        return {}
    found = {name: _number(_value(data, name)) for name in fields}
    return {name: value for name, value in found.items() if value is not None}


def told(problems: list[str]) -> str:
    """Problems as one sentence, the first few of many."""
    more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    return f"the result {'; it '.join(problems[:NAMED])}{more}"


def _check_required(data: Any, required: tuple[str, ...]) -> Iterator[str]:
    rows = _rows(data)
    if required and not rows:
        yield f"is {_kind(data)}, and has no {', '.join(required)}"
        return
    for name in required:
        lacking = [at for at, row in enumerate(rows, 1) if _is_empty(_value(row, name))]
        if lacking:
            yield f"lacks {name}{_where(data, lacking)}"


def _check_count(data: Any, min_fields: int | None) -> Iterator[str]:
    if min_fields is None:
        return
    many = len(data) if isinstance(data, list) else _filled(data)
    if many < min_fields:
        what = counted(many, "item") if isinstance(data, list) else f"{counted(many, 'field')} with a value"
        yield f"has {what}, and should have {min_fields}"


def _check_ranges(data: Any, ranges: Mapping[str, Bounds]) -> Iterator[str]:
    for name, bounds in ranges.items():
        for at, row in enumerate(_rows(data), 1):
            value = _value(row, name)
            if _is_empty(value):
                continue
            problem = _out_of(bounds, _number(value))
            if problem:
                yield f"has {name} {_shown(value)}, {problem}{_where(data, [at])}"
                break


def _out_of(bounds: Bounds, value: float | None) -> str | None:
    if value is None:
        return "which is no number"
    if bounds.min is not None and value < bounds.min:
        return f"below {bounds.min:g}"
    if bounds.max is not None and value > bounds.max:
        return f"above {bounds.max:g}"
    return None


def _check_texts(data: Any, checks: ResultChecks) -> Iterator[str]:
    if not checks.block_pages and not checks.block_patterns:
        return
    patterns = [pattern.lower() for pattern in checks.block_patterns]
    for path, text in _texts(data):
        lower = text.lower()
        if checks.block_pages and (said := block_text(text)):
            yield f"is a block page: {path or 'it'} says {said!r}"
            return
        if found := next((pattern for pattern in patterns if pattern in lower), None):
            yield f"has {found!r} in {path or 'it'}"
            return


def _check_deviation(data: Any, limits: Mapping[str, float], last: LastGood) -> Iterator[str]:
    if not isinstance(data, Mapping):
        return
    for name, percent_limit in limits.items():
        new, old = _number(_value(data, name)), last.values.get(name)
        # From nothing every step is infinitely large: there is nothing to compare with.
        if new is None or not old:
            continue
        change = 100 * (new - old) / abs(old)
        if abs(change) > percent_limit:
            since = (market_iso(last.at) or "")[:16]
            yield f"has {name} {new:g}, {change:+.1f} % against {old:g} of {since} ({percent_limit:g} % is allowed)"


def _rows(data: Any) -> list[Mapping[str, Any]]:
    if isinstance(data, Mapping):
        return [data]
    return [row for row in data if isinstance(row, Mapping)] if isinstance(data, list) else []


def _value(row: Mapping[str, Any], name: str) -> Any:
    """A field by its name, or by a path with dots."""
    if name in row:
        return row[name]
    found: Any = row
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _ABSENT
        found = found[part]
    return found


def _is_empty(value: Any) -> bool:
    if value is _ABSENT or value is None:
        return True
    return is_missing(value) if isinstance(value, str) else value in ([], {})


def _filled(data: Any, depth: int = 0) -> int:
    """How many values there are in mappings within mappings; a list counts as one."""
    if isinstance(data, Mapping) and depth < _DEPTH:
        return sum(_filled(value, depth + 1) for value in data.values())
    return 0 if _is_empty(data) else 1


def _number(value: Any) -> float | None:
    """A number, be it text as Brazilian pages write it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    found = number(value)
    found = percent(value) if found is None else found
    if found is not None:
        return found
    try:
        return float(value)
    except ValueError:
        return None


def _texts(data: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text in the data with its path."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, Mapping) and depth < _DEPTH:
        for name, value in data.items():
            yield from _texts(value, f"{path}.{name}" if path else str(name), depth + 1)
    elif isinstance(data, list) and depth < _DEPTH:
        for at, value in enumerate(data):
            yield from _texts(value, f"{path}[{at}]", depth + 1)


def _where(data: Any, rows: list[int]) -> str:
    if not isinstance(data, list):
        return ""
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    return f" in item {rows[0]} of {len(data)}{more}"


def _kind(data: Any) -> str:
    match data:
        case None:
            return "null"
        case []:
            return "an empty list"
        case list():
            return "a list without fields"
        case str():
            return "a text"
    return "a single value"


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
