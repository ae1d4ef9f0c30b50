"""Ranges of a cron field that run backwards, such as `22-2`: which one it is, and the two things it may have meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple


class Span(NamedTuple):
    """What a field counts: its smallest and largest number, and the names of the numbers from the smallest on."""

    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, written: str) -> int | None:
        """The number that a digit or a name stands for; None when the field has none such."""
        if written in self.names:
            return self.low + self.names.index(written)
        number = int(written) if written.isdecimal() and len(written) < 5 else -1
        return number if self.low <= number <= self.high else None


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

SPANS: Mapping[str, Span] = {
    "month": Span(1, 12, _MONTHS),
    "day": Span(1, 31),
    "day_of_week": Span(0, 6, _DAYS),
    "hour": Span(0, 23),
    "minute": Span(0, 59),
    "second": Span(0, 59),
}
"""The fields of `type: cron`; days of the week count from Monday."""
UNIX_SPANS: Mapping[str, Span] = {
    "minute": SPANS["minute"],
    "hour": SPANS["hour"],
    "day of month": SPANS["day"],
    "month": SPANS["month"],
    "day of week": Span(0, 6, (_DAYS[-1], *_DAYS[:-1])),
}
"""The words of a Unix expression in their order; days of the week count from Sunday."""

_TERM = re.compile(r"(\w+)-(\w+)(?:/(\d{1,4}))?")


class BackwardRange(NamedTuple):
    """A term of a field, and its two possible meanings as they are to be written."""

    term: str
    swapped: str
    going_round: str

    @property
    def fix(self) -> str:
        """What to write instead."""
        return f"write {self.swapped}, or {self.going_round} to go round"


def backward_range(span: Span, text: str) -> BackwardRange | None:
    """The first range in `text` (lower case) whose beginning lies after its end; None when there is none.

    >>> backward_range(SPANS["hour"], "22-0/2").fix
    'write 0-22/2, or 22,0 to go round'
    """
    for term in text.split(","):
        found = _TERM.fullmatch(term.strip())
        if found is None:
            continue
        first, last, every = found[1], found[2], int(found[3] or 1)
        start, end = span.number(first), span.number(last)
        if start is None or end is None or start <= end or every == 0:
            continue
        write = partial(_written, span, every, named=not first.isdecimal())
        going_round = ",".join(write(*part) for part in _parts(span, start, end, every))
        return BackwardRange(term.strip(), write(end, start), going_round)
    return None


def _parts(span: Span, start: int, end: int, every: int) -> list[tuple[int, int]]:
    """From `start` to the field's end, and from its beginning to `end`, in one rhythm."""
    reached = start + (span.high - start) // every * every
    again = reached + every - (span.high - span.low + 1)
    return [(start, span.high), *([(again, end)] if again <= end else [])]


def _written(span: Span, every: int, start: int, end: int, *, named: bool) -> str:
    first, last = (span.names[number - span.low] if named else str(number) for number in (start, end))
    # A step that is longer than its range is refused, and means the first number alone.
    if end - start < every:
        return first
    return f"{first}-{last}" if every == 1 else f"{first}-{last}/{every}"
