"""SGS, the time-series system of Banco Central do Brasil: which series we know by name, and how its JSON reads."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import orjson

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers import json_answers

Frequency = Literal["daily", "monthly"]

_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{4})", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_LARGEST_SERIES = 999_999


@dataclass(frozen=True, slots=True)
class Series:
    """One SGS series. Percent units are percent: 13.75 is 13.75 %. Unknown facts of a bare number are None."""

    number: int
    code: str
    name: str
    unit: str | None = None
    frequency: Frequency | None = None
    aliases: tuple[str, ...] = ()

    @property
    def window(self) -> timedelta:
        """How far back to ask so that the latest values, and a year of monthly ones, are within."""
        return timedelta(days=60) if self.frequency == "daily" else timedelta(days=430)


CATALOGUE = (
    Series(432, "SELIC", "Selic target rate", "% a.a.", "daily"),
    Series(433, "IPCA", "Consumer prices (IPCA), monthly change", "% a.m.", "monthly"),
    Series(189, "IGPM", "General market prices (IGP-M), monthly change", "% a.m.", "monthly"),
    Series(1, "USD", "US dollar, PTAX closing rate, sale", "BRL/USD", "daily", ("DOLAR", "PTAX")),
    Series(21619, "EUR", "Euro, PTAX closing rate, sale", "BRL/EUR", "daily", ("EURO",)),
    Series(12, "CDI", "CDI interest rate", "% a.d.", "daily"),
    Series(11, "SELIC_DAILY", "Selic rate", "% a.d.", "daily"),
)
_BY_NUMBER = {series.number: series for series in CATALOGUE}
_BY_NAME = {fold(name): series for series in CATALOGUE for name in (series.code, *series.aliases)}


@dataclass(frozen=True, slots=True)
class Observation:
    """One dated value (SGS fields `data` and `valor`); a monthly series dates its values on the first of the month."""

    day: date
    value: float


def find_series(argument: str | None) -> Series:
    """The series that a user means: a code in any case, or a number.

    Raises ScrapeError: PERMANENT without an argument, NOT_FOUND for a name that is not in the catalogue.
    """
    wanted = (argument or "").strip()
    if not wanted:
        raise ScrapeError(f"BCB needs a series: {_choices()}", FailureClass.PERMANENT)
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:12]) <= _LARGEST_SERIES:
        number = int(wanted)
        return _BY_NUMBER.get(number) or Series(number, str(number), f"SGS series {number}")
    series = _BY_NAME.get(fold(wanted))
    if series is None:
        raise ScrapeError(f"BCB has no series {wanted[:80]!r}; use {_choices()}", FailureClass.NOT_FOUND)
    return series


def parse_sgs(body: bytes) -> tuple[Observation, ...]:
    """Read the JSON list of SGS, sorted by date; rows without a value are left out, the last of a date wins.

    Raises ScrapeError: BLOCKED for a page in place of data (SGS gives one with HTTP 200 to some clients, and for a
    series that does not exist), NETWORK for nothing, VALIDATION for anything else that is not the format.
    """
    rows = json_answers.load(body, "BCB", "BCB's values")
    if not isinstance(rows, list):
        raise ScrapeError(f"BCB's answer is not a list of values{_said(rows)}", FailureClass.VALIDATION)
    found = {day: value for row in rows for day, value in [_observation(row)] if value is not None}
    return tuple(Observation(day, found[day]) for day in sorted(found))


def parse_sgs_refusal(body: bytes) -> str:
    """What SGS says in a 404 or 406 answer, in its own words; empty when it says nothing readable."""
    try:
        return _said(orjson.loads(body)).removeprefix(": ")
    except orjson.JSONDecodeError:
        return ""


def until(observations: tuple[Observation, ...], today: date) -> tuple[Observation, ...]:
    """Without values dated after `today`: the Selic target is published up to the next meeting of its committee."""
    return tuple(observation for observation in observations if observation.day <= today)


def accumulated_12_months(observations: tuple[Observation, ...]) -> float | None:
    """Monthly percent changes of the last twelve consecutive months, compounded, in percent; None with a gap."""
    last = observations[-12:]
    months = [row.day.year * 12 + row.day.month for row in last]
    if len(last) < 12 or months != list(range(months[0], months[0] + 12)):
        return None
    return round((math.prod(1 + row.value / 100 for row in last) - 1) * 100, 4)


def _observation(row: object) -> tuple[date, float | None]:
    if not isinstance(row, dict) or not isinstance(row.get("data"), str):
        raise ScrapeError(f"BCB sent a row without `data`: {_short(row)}", FailureClass.VALIDATION)
    if not isinstance(row.get("valor"), str):
        raise ScrapeError(f"BCB sent a row without `valor`: {_short(row)}", FailureClass.VALIDATION)
    match, text = _DATE.fullmatch(row["data"]), row["valor"].strip()
    try:
        if match is None:
            raise ValueError("not dd/MM/yyyy")
        day = date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError as error:
        raise ScrapeError(f"BCB sent the date {_short(row['data'])}: {error}", FailureClass.VALIDATION) from error
    if not text:
        return day, None
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ScrapeError(f"BCB sent the value {_short(text)} for {day}", FailureClass.VALIDATION)
    return day, value


def _said(document: object) -> str:
    if not isinstance(document, dict):
        return ""
    inner = document.get("erro")
    parts = (document, inner if isinstance(inner, dict) else {})
    words = [part[key] for part in parts for key in ("error", "message", "detail") if isinstance(part.get(key), str)]
    return f": {'; '.join(words)[:300]}" if words else ""


def _short(value: object) -> str:
    return repr(value)[:80]


def _choices() -> str:
    return f"{', '.join(series.code for series in CATALOGUE)}, or the number of any SGS series"
