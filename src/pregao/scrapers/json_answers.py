"""Reading JSON answers: what stands in place of data is refused, and what is missing or of another type is named.

`what` is the answer in the words of a message, for example "Yahoo's chart".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import orjson

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.block_pages import refuse_block_page
from pregao.scrapers.failures import is_html

FIRST_YEAR, LAST_YEAR = 2000, 2200
"""Years of a market time; far from the ends of what a datetime can hold in any zone."""
CLOCKS_DIFFER = timedelta(minutes=10)
"""How far a source's clock may run ahead of ours before its time is not believed."""
_LARGEST_COUNT = 10**18


def load(body: bytes, host: str, what: str) -> Any:
    """The document in `body`.

    Raises ScrapeError: BLOCKED, RATE_LIMITED or NETWORK for a page or nothing in place of data, VALIDATION for what
    is not JSON.
    """
    refuse_block_page(body, host)
    if is_html(body):
        raise ScrapeError(f"{host} answered with a page in place of {what}", FailureClass.BLOCKED)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(what, f"it is not JSON: {error}") from error


def invalid(what: str, problem: str) -> ScrapeError:
    """The failure of an answer that is not in its format: VALIDATION."""
    return ScrapeError(f"{what} is not in its format: {problem}", FailureClass.VALIDATION)


def at(document: object, *path: str) -> Any:
    """What stands under the names of `path` in nested objects; None where one of them is missing.

    >>> at({"a": {"b": 1}}, "a", "b"), at({"a": [1]}, "a", "b")
    (1, None)
    """
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def number(what: str, field: str, value: object) -> float | None:
    """A JSON number; None for null. Raises ScrapeError VALIDATION for anything else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise invalid(what, f"`{field}` is {shown(value)}, not a number")
    return float(value)


def count(what: str, field: str, value: object) -> int | None:
    """A number of things, 0 or more; None for null. Raises ScrapeError VALIDATION for anything else."""
    found = number(what, field, value)
    if found is None:
        return None
    if not 0 <= found <= _LARGEST_COUNT:
        raise invalid(what, f"`{field}` is {shown(value)}, not a count")
    return int(found)


def needed(what: str, field: str, value: object) -> float:
    """A JSON number other than null. Raises ScrapeError VALIDATION."""
    found = number(what, field, value)
    if found is None:
        raise invalid(what, f"`{field}` is missing")
    return found


def need_keys(what: str, row: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse a `row` that lacks one of `names`: null is no value, an absent key another format.

    Raises ScrapeError VALIDATION with all that are missing.
    """
    missing = [name for name in names if name not in row]
    if missing:
        raise invalid(
            what, f"{', '.join(f'`{name}`' for name in missing)} {'is' if len(missing) == 1 else 'are'} missing"
        )


def price(what: str, field: str, value: object) -> float:
    """A price, above 0. Raises ScrapeError: NOT_FOUND for 0, which stands for none; VALIDATION for anything else."""
    found = needed(what, field, value)
    if found < 0:
        raise invalid(what, f"`{field}` is {shown(value)}, not a price")
    if not found:
        raise ScrapeError(f"{what} has no price: `{field}` is 0", FailureClass.NOT_FOUND)
    return found


def refuse_future(what: str, found: datetime, now: datetime) -> datetime:
    """`found`, a market time, if it is not after `now`; both are aware. Raises ScrapeError VALIDATION."""
    if found > now + CLOCKS_DIFFER:
        raise invalid(what, f"it is dated {found:%Y-%m-%d %H:%M} {found.tzname()}, which is in the future")
    return found


def moment(what: str, field: str, value: object, zone: tzinfo = UTC) -> datetime:
    """An ISO 8601 time or seconds since 1970, as aware UTC; without an offset it is local to `zone`.

    Raises ScrapeError VALIDATION, also for a year that no market time can have.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise invalid(what, f"`{field}` is {shown(value)}, not a time")
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(value, UTC)
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError("year out of range")
    except (ValueError, OverflowError, OSError) as error:
        raise invalid(what, f"`{field}` is {shown(value)}, not a time: {error}") from error
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def text(value: object) -> str:
    """A text without the space around it; empty for anything else."""
    return value.strip() if isinstance(value, str) else ""


def shown(value: object) -> str:
    """A value as a message shows it: short."""
    return repr(value)[:60]
