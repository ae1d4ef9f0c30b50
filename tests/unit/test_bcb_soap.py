"""The SOAP door of SGS: the same series as by JSON."""

import contextlib
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin import bcb_sgs, bcb_soap

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SOAP = answers.soap(433, ("7/2026", "0.07"), ("8/2026", "-0.32"))


def test_soap_gives_the_same_values_as_json() -> None:
    assert [(row.day, row.value) for row in bcb_soap.parse_soap(SOAP, 433)] == [
        (date(2026, 7, 1), 0.07),
        (date(2026, 8, 1), -0.32),
    ]
    assert bcb_soap.parse_soap(SOAP, 433) == bcb_sgs.parse_sgs(answers.sgs_months(2026, 7, "0.07", "-0.32"))


def test_soap_dates_are_days_months_or_years() -> None:
    rows = bcb_soap.parse_soap(answers.soap(1, ("5/10/2026", "5.2"), ("9/2026", "5.1"), ("2025", "5")), 1)
    assert [row.day for row in rows] == [date(2025, 1, 1), date(2026, 9, 1), date(2026, 10, 5)]


def test_soap_values_that_are_blocked_or_not_there_are_left_out() -> None:
    body = answers.soap(1, ("1/10/2026", "5.2"), ("2/10/2026", ""), ("5/10/2026", "9.9"), blocked="5/10/2026")
    assert [row.value for row in bcb_soap.parse_soap(body, 1)] == [5.2]


def test_a_fault_for_an_empty_window_is_no_value() -> None:
    assert bcb_soap.parse_soap(answers.soap_fault("SGSNegocioException: Value(s) not found"), 1) == ()


@pytest.mark.parametrize(
    ("body", "failure_class", "words"),
    [
        (answers.soap_fault("serie bloqueada"), FailureClass.ERROR, "serie bloqueada"),
        (answers.PAGE, FailureClass.BLOCKED, "page"),
        (b"", FailureClass.NETWORK, "nothing"),
        (b"<html><br></html>", FailureClass.BLOCKED, "page"),
        (b"[]", FailureClass.VALIDATION, "not XML"),
        (b"<a/>", FailureClass.VALIDATION, "getValoresSeriesXMLReturn"),
        (SOAP[:300], FailureClass.VALIDATION, "not XML"),
        (answers.soap(434, ("8/2026", "1")), FailureClass.VALIDATION, "series 433"),
        (answers.soap(433, ("8/26", "1")), FailureClass.VALIDATION, "DATA"),
        (answers.soap(433, ("13/2026", "1")), FailureClass.VALIDATION, "DATA"),
        (answers.soap(433, ("8/2026", "1,5")), FailureClass.VALIDATION, "VALOR"),
        (SOAP.replace(b"VALOR", b"VALUE"), FailureClass.VALIDATION, "VALOR"),
    ],
)
def test_what_is_no_soap_has_a_class_and_names_the_fault(body: bytes, failure_class: FailureClass, words: str) -> None:
    with pytest.raises(ScrapeError, match=words) as caught:
        bcb_soap.parse_soap(body, 433)
    assert caught.value.failure_class is failure_class


def test_entities_of_a_document_are_not_followed() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a><getValoresSeriesXMLReturn>&x;</getValoresSeriesXMLReturn></a>'
    with pytest.raises(ScrapeError, match="getValoresSeriesXMLReturn"):
        bcb_soap.parse_soap(bomb, 433)


def test_the_question_is_xml_that_names_series_and_window() -> None:
    text = bcb_soap.question(433, date(2025, 7, 1), date(2026, 8, 1)).decode()
    assert ">433</item>" in text
    assert ">01/07/2025</in1>" in text
    assert ">01/08/2026</in2>" in text


def test_the_recorded_soap_answer_reads_as_by_hand() -> None:
    name = "sgs_433_ipca_soap_202608.xml"
    rows, wanted = bcb_soap.parse_soap(recording("bcb", name), 433), expected("bcb", name)
    assert len(rows) == wanted["rows"]
    assert (f"{rows[-1].day:%Y-%m}", rows[-1].value) == (wanted["last"]["ref"], wanted["last"]["value"])
    accumulated = bcb_sgs.accumulated_12_months(rows)
    assert accumulated is not None
    assert round(accumulated, 2) == wanted["ipca_12m_to_2026-08_pct"]
    assert rows == bcb_sgs.parse_sgs(recording("bcb", "sgs_433_ipca_DERIVED_json_shape.json"))


def reads_or_fails(body: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        bcb_soap.parse_soap(body, 433)


@STEADY
@given(st.integers(0, len(SOAP)))
def test_a_truncated_soap_answer_fails_with_a_class(end: int) -> None:
    reads_or_fails(SOAP[:end])


@STEADY
@given(st.lists(st.tuples(st.integers(0, len(SOAP) - 1), st.integers(0, 255)), max_size=6))
def test_a_damaged_soap_answer_fails_with_a_class(changes: list[tuple[int, int]]) -> None:
    body = bytearray(SOAP)
    for place, value in changes:
        body[place] = value
    reads_or_fails(bytes(body))


@STEADY
@given(st.text(max_size=20), st.text(max_size=20))
def test_any_values_in_soap_fail_with_a_class(day: str, value: str) -> None:
    reads_or_fails(answers.soap(433, (day, value)))
