"""Daily prices of one instrument on Investing.com: the JSON of its API, and the same inside of its pages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.block_pages import refuse_block_page
from pregao.scrapers.failures import is_html
from pregao.scrapers.html_pages import read_page
from pregao.scrapers.json_answers import need_keys
from pregao.scrapers.numbers_ptbr import date_of

_ROWS_IN_PAGE = ("props", "pageProps", "state", "historicalDataStore", "historicalData", "data")
_NEEDED = ("rowDateTimestamp", "last_openRaw", "last_maxRaw", "last_minRaw", "last_closeRaw")
"""What every row has; volume and change may be absent. Prices below 0 are data: interest rates have them."""
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One day. Prices are in the instrument's own unit, `change_pct` is percent; None where the source has nothing.

    Source fields: rowDateTimestamp; last_openRaw, last_maxRaw, last_minRaw, last_closeRaw, volumeRaw and
    change_precentRaw (so spelt), which are numbers or texts with a decimal point.
    """

    day: date
    open: float | None
    high: float | None
    low: float | None
    close: float
    volume: float | None
    change_pct: float | None


def parse_history(body: bytes, host: str) -> tuple[HistoryRow, ...]:
    """Read the JSON of the API, or of a page (`__NEXT_DATA__`), newest row first; empty when there are no rows.

    Raises ScrapeError: BLOCKED, RATE_LIMITED or NETWORK for a page in place of it, VALIDATION for what is not the
    format, naming what is missing.
    """
    refuse_block_page(body, host)
    if is_html(body):
        raise ScrapeError(f"{host} answered with a page in place of prices", FailureClass.BLOCKED)
    return _rows(_document(body, host), host)


def parse_history_page(body: bytes, host: str) -> tuple[HistoryRow, ...]:
    """The same from a whole page, which carries its data in a script. Raises ScrapeError as `parse_history` does."""
    scripts = (script for script in read_page(body, host).iter("script") if script.get("id") == "__NEXT_DATA__")
    script = next(scripts, None)
    if script is None or not script.text:
        raise ScrapeError(f"the page of {host} lacks __NEXT_DATA__: its format changed", FailureClass.VALIDATION)
    return _rows(_document(script.text.encode("utf-8", "replace"), host), host)


def _document(text: bytes, host: str) -> Mapping[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ScrapeError(f"the answer of {host} is not JSON: {error}", FailureClass.VALIDATION) from error
    if not isinstance(document, dict):
        raise ScrapeError(f"the answer of {host} is no object", FailureClass.VALIDATION)
    return document


def _rows(document: Mapping[str, Any], host: str) -> tuple[HistoryRow, ...]:
    found: Any = document.get("data", ...)
    if found is ...:
        found = document
        for step in _ROWS_IN_PAGE:
            found = found.get(step, ...) if isinstance(found, dict) else ...
    if found is None:
        return ()
    if not isinstance(found, list):
        said = next((str(document[key])[:200] for key in ("@errors", "error", "message") if key in document), None)
        raise ScrapeError(
            f"the answer of {host} lacks the rows of historicalData" + (f": it says {said}" if said else ""),
            FailureClass.VALIDATION,
        )
    by_day: dict[date, HistoryRow] = {}
    for row in map(_row, found):
        by_day.setdefault(row.day, row)
    return tuple(by_day[day] for day in sorted(by_day, reverse=True))


def _row(row: object) -> HistoryRow:
    if not isinstance(row, dict):
        raise ScrapeError("Investing.com sent a row that is no object", FailureClass.VALIDATION)
    need_keys("Investing.com's row", row, _NEEDED)
    close = _number(row, "last_closeRaw")
    if close is None:
        raise ScrapeError("Investing.com sent a row without last_closeRaw", FailureClass.VALIDATION)
    return HistoryRow(
        day=_day(row),
        open=_number(row, "last_openRaw"),
        high=_number(row, "last_maxRaw"),
        low=_number(row, "last_minRaw"),
        close=close,
        volume=_number(row, "volumeRaw"),
        change_pct=_number(row, "change_precentRaw"),
    )


def _day(row: Mapping[str, Any]) -> date:
    text = row.get("rowDateTimestamp")
    day = date_of(text[:10]) if isinstance(text, str) else None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ScrapeError(
            f"Investing.com sent the date {str(text)[:40]!r} as rowDateTimestamp", FailureClass.VALIDATION
        )
    return day


def _number(row: Mapping[str, Any], field: str) -> float | None:
    value = row.get(field)
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ScrapeError(f"Investing.com sent {str(value)[:40]!r} as {field}, not a number", FailureClass.VALIDATION)
    return number
