"""Records that are read from pages of label and value."""

import doctest
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar

import pytest

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import labelled_fields
from pregao.scrapers.labelled_fields import (
    LABEL,
    OPTIONAL,
    VALUE,
    Cells,
    Reading,
    count_at,
    date_at,
    flat,
    number_at,
    percent_at,
    read_record,
    refuse_labels,
    text_at,
)


@dataclass(frozen=True, slots=True)
class Sample:
    FEWEST_VALUES: ClassVar[int] = 2
    MOST_MISSING: ClassVar[int] = 5

    price: Annotated[float, number_at("Cotação", need=VALUE)]
    pl: Annotated[float | None, number_at("P/L", need=LABEL)]
    yield_pct: Annotated[float | None, percent_at("D.Y", "Dividend Yield")]
    shares: Annotated[int | None, count_at("Nº de papéis")]
    day: Annotated[date | None, date_at("Data")]
    sector: Annotated[str | None, text_at("Setor")]
    quarter: Annotated[float | None, number_at("Lucro", nth=1)]


def cells(**texts: str) -> Cells:
    found = Cells()
    for label, text in {"Cotação": "30,41", "P/L": "5,06", **texts}.items():
        found.add(label, text)
    return found


def read(found: Cells) -> Reading[Sample]:
    return read_record(Sample, found, "the page")


def refusal(found: Cells) -> str:
    with pytest.raises(ScrapeError) as caught:
        read(found)
    assert caught.value.failure_class is FailureClass.VALIDATION
    assert not caught.value.retryable
    return str(caught.value)


def test_the_examples_in_the_module_hold() -> None:
    assert doctest.testmod(labelled_fields).failed == 0


def test_each_field_reads_in_its_own_way() -> None:
    found = cells(**{"Dividend Yield": "4,7%", "Nº de papéis": "1.000", "Data": "03/07/2026", "Setor": "Energia"})
    record = read(found).record
    assert record == Sample(30.41, 5.06, 4.7, 1000, date(2026, 7, 3), "Energia", None)
    assert flat(record)["day"] == "2026-07-03"


@pytest.mark.parametrize("label", ["COTACAO", "cotação", " Cotação: ", "Cota-ção"])
def test_labels_are_compared_without_case_accents_punctuation_and_spaces(label: str) -> None:
    found = Cells()
    found.add(label, "1,00")
    found.add("p / l", "2,00")
    assert read(found).record.price == 1.0


def test_a_label_that_occurs_twice_is_told_apart_by_its_position() -> None:
    found = cells(Lucro="12,00")
    assert read(found).record.quarter is None
    found.add("Lucro", "3,00")
    assert read(found).record.quarter == 3.0


def test_labels_that_are_needed_are_all_named_when_they_are_not_there() -> None:
    assert refusal(Cells()) == "the page lacks Cotação, P/L: its format changed"


def test_a_needed_label_may_have_a_dash_but_a_needed_value_may_not() -> None:
    found = cells(Setor="Energia")
    assert read(cells(**{"P/L": "-", "Setor": "Energia"})).record.pl is None
    assert read(found).record.price == 30.41
    assert "no value that can be read for Cotação ('empty')" in refusal(cells(Cotação="-"))
    assert "no value that can be read for Cotação ('soon')" in refusal(cells(Cotação="soon"))


def test_too_few_values_are_refused_with_what_is_missing() -> None:
    message = refusal(cells(**{"P/L": "-"}))
    assert message.startswith("the page has values for 1 of 7 fields, 2 are the least: it lacks P/L, D.Y,")


def test_texts_that_cannot_be_read_are_null_and_told() -> None:
    reading = read(cells(**{"D.Y": "R$ 3", "Nº de papéis": "1,5", "Data": "ontem"}))
    assert reading.unread == {"yield_pct": "R$ 3", "shares": "1,5", "day": "ontem"}
    assert reading.record.shares is None


def test_a_label_of_signs_alone_is_none() -> None:
    found = Cells()
    found.add("?", "1")
    assert len(found) == 0


@dataclass(frozen=True, slots=True)
class Strict:
    FEWEST_VALUES: ClassVar[int] = 1
    MOST_MISSING: ClassVar[int] = 1

    price: Annotated[float, number_at("Cotação", need=VALUE)]
    roe_pct: Annotated[float | None, percent_at("ROE")]
    ebit: Annotated[float | None, number_at("EBIT", nth=1)]
    deposits: Annotated[float | None, number_at("Depósitos")]
    part_pct: Annotated[float | None, percent_at("Part. IBOV", need=OPTIONAL)]


def strict(**texts: str) -> Reading[Strict]:
    return read_record(Strict, cells(**texts), "the page", foreign=("deposits",))


def test_a_label_that_is_there_as_a_rule_and_is_gone_is_named_and_a_dash_is_none() -> None:
    assert strict(ROE="-").missing == ("EBIT (number 2)",)
    assert strict(ROE="-").remarks == {"missing_labels": ["EBIT (number 2)"]}
    assert strict(ROE="?").remarks == {"unread": {"roe_pct": "?"}, "missing_labels": ["EBIT (number 2)"]}


def test_more_labels_gone_than_a_layout_may_lack_are_a_change_of_format() -> None:
    with pytest.raises(ScrapeError) as caught:
        strict(**{"R.O.E. novo": "1%"})
    assert caught.value.failure_class is FailureClass.VALIDATION
    assert str(caught.value) == "the page lacks 2 of 4 labels: ROE, EBIT (number 2): its format changed"


def test_labels_of_another_kind_of_page_are_refused() -> None:
    refuse_labels(cells(), ("LPA",), "the page")
    with pytest.raises(ScrapeError, match=r"the page has LPA: it is the page of another kind of paper"):
        refuse_labels(cells(LPA="1,00"), ("LPA", "VPA"), "the page")
