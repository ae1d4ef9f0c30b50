"""Pages as lists of label and value, and the records that are read from them.

A record is a frozen dataclass whose fields say where they are shown and how they read:

    @dataclass(frozen=True, slots=True)
    class Share:
        FEWEST_VALUES: ClassVar[int] = 2
        MOST_MISSING: ClassVar[int] = 1
        price: Annotated[float, number_at("Cotação", need=VALUE)]
        pl: Annotated[float | None, number_at("P/L", need=LABEL)]

Labels are compared without case, accents, punctuation and spaces, so that a moved dot is no change of format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import Enum
from functools import lru_cache
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, get_type_hints

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers.numbers_ptbr import date_of, is_missing, number, percent

Value = float | int | str | date
Reader = Callable[[str], Value | None]

# Characters of a list of labels in a message.
_LONGEST = 600


class Need(Enum):
    """What a page must have of a field: a value, at least its label, its label as a rule, or nothing.

    Of the labels that are there as a rule, `MOST_MISSING` may be absent, and are named. A dash under its label is none.
    """

    VALUE = "value"
    LABEL = "label"
    USUAL = "usual"
    NOTHING = "nothing"


VALUE: Final = Need.VALUE
LABEL: Final = Need.LABEL
OPTIONAL: Final = Need.NOTHING


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a page shows a field: under one of `labels`, in its occurrence number `nth` (0 is the first)."""

    reads: Reader
    labels: tuple[str, ...]
    nth: int
    need: Need

    @property
    def label(self) -> str:
        """How messages call it."""
        return self.labels[0] if self.nth == 0 else f"{self.labels[0]} (number {self.nth + 1})"


def number_at(*labels: str, nth: int = 0, need: Need = Need.USUAL) -> Shown:
    """A plain number or an amount of money."""
    return Shown(number, labels, nth, need)


def percent_at(*labels: str, nth: int = 0, need: Need = Need.USUAL) -> Shown:
    """A percentage, in percent units."""
    return Shown(percent, labels, nth, need)


def count_at(*labels: str, nth: int = 0, need: Need = Need.USUAL) -> Shown:
    """A whole number."""
    return Shown(_count, labels, nth, need)


def date_at(*labels: str, nth: int = 0, need: Need = Need.USUAL) -> Shown:
    """A date."""
    return Shown(date_of, labels, nth, need)


def text_at(*labels: str, nth: int = 0, need: Need = Need.USUAL) -> Shown:
    """A few words."""
    return Shown(_words, labels, nth, need)


class Cells:
    """What a page shows: texts by label, in page order."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}

    def add(self, label: str, text: str) -> None:
        """Note that `text` is shown under `label`; a label without a letter or digit is none."""
        key = fold(label)
        if key:
            self._texts.setdefault(key, []).append(text)

    def has(self, label: str) -> bool:
        """Whether the label is on the page."""
        return fold(label) in self._texts

    def text(self, labels: Sequence[str], nth: int = 0) -> str | None:
        """Occurrence number `nth` under the first of `labels` that has it; None when none does."""
        for label in labels:
            texts = self._texts.get(fold(label), [])
            if nth < len(texts):
                return texts[nth]
        return None

    def __len__(self) -> int:
        return len(self._texts)


class Record(Protocol):
    """A frozen dataclass of fields that are annotated with Shown."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    FEWEST_VALUES: ClassVar[int]
    MOST_MISSING: ClassVar[int]


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Reading(Generic[R]):
    """A record, the texts that could not be read, by field, and the labels that are not there as they are as a rule.

    Both are null in the record.
    """

    record: R
    unread: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def remarks(self) -> dict[str, object]:
        """What a result's metadata tell of it; nothing when all is there."""
        told: dict[str, object] = {"unread": dict(self.unread)} if self.unread else {}
        return told | ({"missing_labels": list(self.missing)} if self.missing else {})


def read_record(
    kind: type[R],
    cells: Cells,
    page: str,
    *,
    foreign: Collection[str] = (),
    most_missing: int | None = None,
) -> Reading[R]:
    """Read a record from a page; `page` names it in messages, as in "Fundamentus's page of a bank".

    `foreign` are fields that this layout does not have, `most_missing` replaces `kind.MOST_MISSING`.

    Raises ScrapeError VALIDATION when labels that it needs are not there, when more than `most_missing` of the others
    are not, when a value that it needs is not there or cannot be read, and when fewer values are there than
    `kind.FEWEST_VALUES`: the format changed, or this is not the page. The message says what is missing.
    """
    shown = _shown(kind)
    texts = {name: cells.text(field.labels, field.nth) for name, field in shown.items()}
    _check_labels(shown, texts, page)
    missing = _missing(shown, texts, foreign)
    if len(missing) > (kind.MOST_MISSING if most_missing is None else most_missing):
        raise ScrapeError(
            f"{page} lacks {len(missing)} of {len(shown) - len(foreign)} labels: "
            f"{', '.join(missing)[:_LONGEST]}: its format changed",
            FailureClass.VALIDATION,
        )
    values = {name: None if text is None else shown[name].reads(text) for name, text in texts.items()}
    unread = {
        name: text[:80]
        for name, text in texts.items()
        if text is not None and values[name] is None and not is_missing(text)
    }
    _check_values(kind, shown, values, unread, page)
    return Reading(kind(**values), unread, missing)


def flat(record: Record) -> dict[str, object]:
    """The fields of a record as JSON values: dates are ISO, what is missing is null."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def refuse_labels(cells: Cells, labels: Sequence[str], page: str) -> None:
    """Raise ScrapeError VALIDATION when one of `labels` is there: they are those of another kind of page."""
    found = [label for label in labels if cells.has(label)]
    if found:
        raise ScrapeError(
            f"{page} has {', '.join(found)}: it is the page of another kind of paper", FailureClass.VALIDATION
        )


def says_no_price(text: str | None) -> bool:
    """Whether a page says that a paper has no price: a dash or zero. Nothing at all is a change of format instead.

    >>> says_no_price("-"), says_no_price("R$ 0,00"), says_no_price(""), says_no_price(None)
    (True, True, False, False)
    """
    return bool(text and text.strip()) and (is_missing(text) or number(text) == 0)


def _check_labels(shown: Mapping[str, Shown], texts: Mapping[str, str | None], page: str) -> None:
    lacking = [field.label for name, field in shown.items() if field.need in (VALUE, LABEL) and texts[name] is None]
    if lacking:
        raise ScrapeError(f"{page} lacks {', '.join(lacking)}: its format changed", FailureClass.VALIDATION)


def _missing(shown: Mapping[str, Shown], texts: Mapping[str, str | None], foreign: Collection[str]) -> tuple[str, ...]:
    return tuple(
        field.label
        for name, field in shown.items()
        if field.need is not OPTIONAL and texts[name] is None and name not in foreign
    )


def _check_values(
    kind: type[Record],
    shown: Mapping[str, Shown],
    values: Mapping[str, Value | None],
    unread: Mapping[str, str],
    page: str,
) -> None:
    empty = [name for name, field in shown.items() if field.need is Need.VALUE and values[name] is None]
    if empty:
        said = ", ".join(f"{shown[name].labels[0]} ({unread.get(name, 'empty')!r})" for name in empty)
        raise ScrapeError(f"{page} has no value that can be read for {said}", FailureClass.VALIDATION)
    there = sum(value is not None for value in values.values())
    if there < kind.FEWEST_VALUES:
        raise ScrapeError(
            f"{page} has values for {there} of {len(values)} fields, {kind.FEWEST_VALUES} are the least: "
            f"it lacks {', '.join(shown[name].label for name, value in values.items() if value is None)[:_LONGEST]}",
            FailureClass.VALIDATION,
        )


@lru_cache(maxsize=32)
def _shown(kind: type[Record]) -> Mapping[str, Shown]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        field.name: next(note for note in hints[field.name].__metadata__ if isinstance(note, Shown))
        for field in fields(kind)
    }


def _count(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None and value.is_integer() else None


def _words(text: str) -> str | None:
    return None if is_missing(text) else text[:200]
