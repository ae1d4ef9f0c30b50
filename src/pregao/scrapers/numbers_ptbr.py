"""Numbers, percentages and dates as Brazilian pages write them: `1.234,56`, `4,7%`, `03/07/2026`, `R$ 1,2 Bilhões`."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_MISSING = frozenset(
    {"", "-", "--", "---", "n/a", "n/d", "nd", "na", "null", "nan", "-%", "- %", "--%", "r$ -", "r$ --"}
)
_NUMBER = re.compile(
    r"""(?P<sign>[-+]?) \s* (?:(?:r|us)?\$)? \s* (?P<inner>[-+]?) \s*
        (?P<whole>\d{1,3}(?:\.\d{3})+|\d+) (?:,(?P<decimals>\d+))? \s* (?P<unit>%|[a-z]*\.?)""",
    re.ASCII | re.VERBOSE,
)
_SCALES = {
    "": 0,
    **dict.fromkeys(("k", "mil"), 3),
    **dict.fromkeys(("m", "mi", "milhao", "milhoes"), 6),
    **dict.fromkeys(("b", "bi", "bilhao", "bilhoes"), 9),
    **dict.fromkeys(("t", "tri", "trilhao", "trilhoes"), 12),
}
_LONGEST = 60
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?!\d)", re.ASCII)
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)", re.ASCII)


def number(text: str | None) -> float | None:
    """A plain number or an amount in R$ or US$; None for a missing value, a percentage, or anything else.

    A point only groups thousands here: `30.41` is no Brazilian number, and reading it as 3,041 would be worse than
    reading nothing. `is_missing` tells a missing value from an unreadable one.

    >>> number("R$ 1.234,56"), number("-11,88"), number("1,2 Bilhões"), number("62 K")
    (1234.56, -11.88, 1200000000.0, 62000.0)
    >>> number("-"), number("4,7%"), number("30.41")
    (None, None, None)
    """
    match = _match(text)
    if match is None or match["unit"] == "%":
        return None
    scale = _SCALES.get(match["unit"].rstrip("."))
    return None if scale is None else _value(match, scale)


def percent(text: str | None) -> float | None:
    """A percentage in percent units, with or without its sign; None for a missing value or anything else.

    >>> percent("4,7%"), percent("-0,66 %"), percent("10,76"), percent("R$ 3,00 mil")
    (4.7, -0.66, 10.76, None)
    """
    match = _match(text)
    if match is None or match["unit"] not in ("%", "") or "$" in match[0]:
        return None
    return _value(match, 0)


def date_of(text: str | None) -> date | None:
    """The first date in a text, day first or ISO; None when there is none that exists. Two-digit years are 20xx.

    >>> date_of("Última atualização 28/08/2026"), date_of("2026-06-26T00:00:00Z"), date_of("31/02/2026")
    (datetime.date(2026, 8, 28), datetime.date(2026, 6, 26), None)
    """
    if match := _DAY_FIRST.search(text or ""):
        day, month, year = (int(part) for part in match.groups())
        year += 2000 if year < 100 else 0
    elif match := _YEAR_FIRST.search(text or ""):
        year, month, day = (int(part) for part in match.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def is_missing(text: str | None) -> bool:
    """Whether a text is what the sites show in place of a value: nothing, a dash, `N/A`.

    >>> is_missing(" - "), is_missing("0,00"), is_missing("em breve")
    (True, False, False)
    """
    return _plain(text) in _MISSING


def _match(text: str | None) -> re.Match[str] | None:
    plain = _plain(text)
    return _NUMBER.fullmatch(plain) if len(plain) <= _LONGEST else None


def _value(match: re.Match[str], scale: int) -> float | None:
    if match["sign"] and match["inner"]:
        return None
    sign = match["sign"] or match["inner"]
    # One conversion, so that 1,2 bilhões is exactly what a person would write in digits.
    return float(f"{sign}{match['whole'].replace('.', '')}.{match['decimals'] or 0}e{scale}")


def _plain(text: str | None) -> str:
    """Lower case, without accents, any kind of space as one space, any kind of dash as a hyphen."""
    spread = unicodedata.normalize("NFD", (text or "")[: _LONGEST * 4])
    kept = "".join(letter for letter in spread if not unicodedata.combining(letter))
    return " ".join(re.sub("[\u2010-\u2015\u2212]", "-", kept).lower().split())
