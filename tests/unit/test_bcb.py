import contextlib
from collections.abc import Callable
from datetime import date

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin import bcb_ptax, bcb_sgs
from pregao.scrapers.builtin.bcb import describe

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def failure_of(body: bytes) -> FailureClass:
    with pytest.raises(ScrapeError) as caught:
        bcb_sgs.parse_sgs(body)
    return caught.value.failure_class


@pytest.mark.parametrize(
    ("argument", "number"),
    [("SELIC", 432), ("selic", 432), (" Ipca ", 433), ("IGP-M", 189), ("usd", 1), ("EUR", 21619), ("cdi", 12)],
)
def test_a_series_is_named_in_any_case(argument: str, number: int) -> None:
    assert bcb_sgs.find_series(argument).number == number


def test_the_number_of_a_known_series_is_that_series() -> None:
    assert bcb_sgs.find_series("432").code == "SELIC"


def test_any_other_number_is_a_series_of_unknown_frequency() -> None:
    series = bcb_sgs.find_series("24364")
    assert (series.number, series.frequency, series.unit) == (24364, None, None)


@pytest.mark.parametrize("argument", ["PETR4", "0", "-1", "99999999999999999999", "²", "../1"])
def test_what_is_no_series_is_not_found(argument: str) -> None:
    with pytest.raises(ScrapeError, match="SELIC, IPCA") as caught:
        bcb_sgs.find_series(argument)
    assert caught.value.failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize("argument", [None, "", "  "])
def test_no_argument_is_a_mistake_that_no_retry_mends(argument: str | None) -> None:
    with pytest.raises(ScrapeError, match="needs a series") as caught:
        bcb_sgs.find_series(argument)
    assert not caught.value.retryable


def test_values_are_numbers_sorted_by_date() -> None:
    body = answers.sgs((date(2026, 10, 2), "13.75"), (date(2026, 10, 1), "-0.32"))
    assert [(row.day, row.value) for row in bcb_sgs.parse_sgs(body)] == [
        (date(2026, 10, 1), -0.32),
        (date(2026, 10, 2), 13.75),
    ]


def test_rows_without_a_value_are_left_out() -> None:
    body = answers.sgs((date(2026, 10, 1), "1.5"), (date(2026, 10, 2), ""))
    assert [row.day for row in bcb_sgs.parse_sgs(body)] == [date(2026, 10, 1)]


def test_a_page_in_place_of_data_is_a_block() -> None:
    assert failure_of(answers.PAGE) is FailureClass.BLOCKED


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"null",
        b'"x"',
        b"[1]",
        b'[{"data":"01/01/2026"}]',
        b'[{"valor":"1"}]',
        b'[{"data":"2026-01-01","valor":"1"}]',
        b'[{"data":"31/02/2026","valor":"1"}]',
        b'[{"data":"01/01/2026","valor":"1,5"}]',
        b'[{"data":"01/01/2026","valor":"NaN"}]',
        b'[{"data":"01/01/2026","valor":1.5}]',
        b'[{"data":"01/01/2026","valor":"' + b"9" * 400 + b'"}]',
        "[{'data'é".encode("latin-1"),
    ],
)
def test_anything_that_is_not_the_format_is_invalid(body: bytes) -> None:
    assert failure_of(body) is FailureClass.VALIDATION


@pytest.mark.parametrize("parse", [bcb_sgs.parse_sgs, bcb_ptax.parse_ptax])
def test_nothing_in_place_of_an_answer_passes(parse: Callable[[bytes], object]) -> None:
    with pytest.raises(ScrapeError) as caught:
        parse(b"")
    assert caught.value.failure_class is FailureClass.NETWORK


def test_an_error_object_is_quoted() -> None:
    with pytest.raises(ScrapeError, match="10 anos"):
        bcb_sgs.parse_sgs(answers.SGS_REFUSES_WINDOW)
    assert "Value(s) not found" in bcb_sgs.parse_sgs_refusal(answers.SGS_NO_VALUES)
    assert bcb_sgs.parse_sgs_refusal(answers.PAGE) == ""


def test_twelve_months_are_compounded() -> None:
    rows = bcb_sgs.parse_sgs(answers.sgs_months(2025, 9, *["1.00"] * 12))
    assert bcb_sgs.accumulated_12_months(rows) == 12.6825


def test_twelve_months_with_a_gap_are_not_compounded() -> None:
    rows = bcb_sgs.parse_sgs(answers.sgs_months(2025, 1, *["1.00"] * 13))
    assert bcb_sgs.accumulated_12_months(rows[:5] + rows[6:]) is None
    assert bcb_sgs.accumulated_12_months(rows[:11]) is None


def test_the_data_is_flat_and_says_what_it_is_for() -> None:
    rows = bcb_sgs.parse_sgs(answers.sgs_days(date(2026, 10, 5), "14.00", "13.75"))
    data = describe(bcb_sgs.find_series("selic"), rows, "http://x")
    assert data == {
        "indicator": "SELIC",
        "series": 432,
        "name": "Selic target rate",
        "unit": "% a.a.",
        "frequency": "daily",
        "value": 13.75,
        "date": "2026-10-05",
        "previous_value": 14.0,
        "previous_date": "2026-10-04",
        "accumulated_12m_pct": None,
        "as_of": "2026-10-05T00:00:00-03:00",
        "url": "http://x",
        "recent": [{"date": "2026-10-04", "value": 14.0}, {"date": "2026-10-05", "value": 13.75}],
    }


def test_the_recorded_selic_target_reads_as_expected() -> None:
    name = "sgs_432_selic_meta_20261005.json"
    rows, wanted = bcb_sgs.parse_sgs(recording("bcb", name)), expected("bcb", name)
    by_day = {row.day.isoformat(): row.value for row in rows}
    assert len(rows) == wanted["rows"]
    assert {"date": rows[0].day.isoformat(), "value": rows[0].value} == wanted["first"]
    assert {"date": rows[-1].day.isoformat(), "value": rows[-1].value} == wanted["last"]
    assert by_day["2026-09-16"] == wanted["value_on_2026-09-16"]
    assert by_day["2026-09-17"] == wanted["value_on_2026-09-17"]
    assert bcb_sgs.find_series("SELIC").unit == wanted["unit"]


def test_recorded_future_dates_are_dropped() -> None:
    name = "sgs_432_ultimos3_FUTURE_dates_20261005.json"
    rows = bcb_sgs.parse_sgs(recording("bcb", name))
    assert len(rows) == expected("bcb", name)["rows"]
    assert bcb_sgs.until(rows, date(2026, 10, 5)) == ()


def test_the_recorded_dollar_reads_as_expected() -> None:
    name = "sgs_1_usd_ptax_venda_20261005.json"
    rows, wanted = bcb_sgs.parse_sgs(recording("bcb", name)), expected("bcb", name)
    assert len(rows) == wanted["rows"]
    assert {"date": rows[-1].day.isoformat(), "value": rows[-1].value} == wanted["last"]
    assert {row.day: row.value for row in rows}[date(2025, 10, 2)] == wanted["value_on_2025-10-02"]


def test_the_recorded_inflation_compounds_to_the_published_twelve_months() -> None:
    rows = bcb_sgs.parse_sgs(recording("bcb", "sgs_433_ipca_DERIVED_json_shape.json"))
    wanted = expected("bcb", "sgs_433_ipca_soap_202608.xml")
    accumulated = bcb_sgs.accumulated_12_months(rows)
    assert accumulated is not None
    assert round(accumulated, 2) == wanted["ipca_12m_to_2026-08_pct"]
    assert (len(rows), rows[-1].value) == (wanted["rows"], wanted["last"]["value"])


def test_the_recorded_ptax_period_reads_as_expected_and_agrees_with_sgs() -> None:
    name = "ptax_CotacaoDolarPeriodo_20260928_20261002.json"
    rates, wanted = bcb_ptax.parse_ptax(recording("bcb", name)), expected("bcb", name)
    assert len(rates) == wanted["rows"]
    last = rates[-1]
    assert {"date": last.published_at.date().isoformat(), "cotacaoVenda": last.sell} == wanted["last"]
    series = {row.day: row.value for row in bcb_sgs.parse_sgs(recording("bcb", "sgs_1_usd_ptax_venda_20261005.json"))}
    assert [series[rate.published_at.date()] for rate in rates] == [rate.sell for rate in rates]


def test_the_recorded_ptax_day_reads_as_expected() -> None:
    name = "ptax_CotacaoDolarDia_20200521.json"
    (rate,) = bcb_ptax.parse_ptax(recording("bcb", name))
    wanted = expected("bcb", name)
    assert (rate.buy, rate.sell) == (wanted["cotacaoCompra"], wanted["cotacaoVenda"])
    assert rate.published_at.replace(tzinfo=None).isoformat(timespec="milliseconds") == wanted["dataHoraCotacao"]


def test_ptax_rates_are_sorted_and_a_day_without_one_is_empty() -> None:
    body = answers.ptax((date(2026, 10, 2), 5.22), (date(2026, 10, 1), 5.2))
    assert [rate.sell for rate in bcb_ptax.parse_ptax(body)] == [5.2, 5.22]
    assert bcb_ptax.parse_ptax(answers.ptax()) == ()


def test_of_several_bulletins_a_day_the_closing_one_counts() -> None:
    body = answers.ptax_bulletins((date(2026, 10, 2), 6.1, "Abertura"), (date(2026, 10, 2), 6.2, "Fechamento PTAX"))
    assert [rate.sell for rate in bcb_ptax.parse_ptax(body)] == [6.2]


def test_bulletins_of_which_none_is_a_closing_one_are_a_format_that_changed() -> None:
    with pytest.raises(ScrapeError, match="'Encerramento'") as caught:
        bcb_ptax.parse_ptax(answers.ptax_bulletins((date(2026, 10, 2), 6.1, "Encerramento")))
    assert caught.value.failure_class is FailureClass.VALIDATION
    with pytest.raises(ScrapeError, match="tipoBoletim"):
        bcb_ptax.parse_ptax(answers.ptax((date(2026, 10, 2), 6.1)), bulletins=True)


def test_olinda_is_asked_with_american_dates_and_the_currency() -> None:
    assert bcb_ptax.period(date(2026, 10, 1), date(2026, 10, 2), "EUR") == {
        "@moeda": "'EUR'",
        "@dataInicial": "'10-01-2026'",
        "@dataFinalCotacao": "'10-02-2026'",
        "$format": "json",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"value":[1]}',
        b'{"value":[{"cotacaoVenda":5.2}]}',
        b'{"value":[{"dataHoraCotacao":"2026-10-02 13:00:00"}]}',
        b'{"value":[{"cotacaoVenda":"5.2","dataHoraCotacao":"2026-10-02 13:00:00"}]}',
    ],
)
def test_ptax_rates_in_another_format_are_invalid(body: bytes) -> None:
    with pytest.raises(ScrapeError) as caught:
        bcb_ptax.parse_ptax(body)
    assert caught.value.failure_class is FailureClass.VALIDATION


@pytest.mark.parametrize("name", ["sgs_404_no_values.json", "sgs_406_window_over_10y.json"])
def test_recorded_refusals_are_readable(name: str) -> None:
    assert bcb_sgs.parse_sgs_refusal(recording("bcb", name))


SAMPLE = answers.sgs_days(date(2026, 10, 5), "14.00", "", "13.75", "-0.32")
PTAX_SAMPLE = answers.ptax((date(2026, 10, 1), 5.2), (date(2026, 10, 2), 5.22))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "valor", "erro", "detail", "message", "value", "cotacaoVenda", "dataHoraCotacao"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def reads_or_fails(body: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        bcb_sgs.parse_sgs(body)
    with contextlib.suppress(ScrapeError):
        bcb_ptax.parse_ptax(body)


@STEADY
@given(st.sampled_from([SAMPLE, PTAX_SAMPLE]), st.integers(0, len(SAMPLE)))
def test_a_truncated_answer_fails_with_a_class(sample: bytes, end: int) -> None:
    reads_or_fails(sample[:end])


@STEADY
@given(st.permutations(list(SAMPLE)) | st.permutations(list(PTAX_SAMPLE)))
def test_a_shuffled_answer_fails_with_a_class(letters: list[int]) -> None:
    reads_or_fails(bytes(letters))


@STEADY
@given(st.binary(max_size=200))
def test_any_bytes_fail_with_a_class(body: bytes) -> None:
    reads_or_fails(body)
    bcb_sgs.parse_sgs_refusal(body)


@STEADY
@given(JSON)
def test_any_json_fails_with_a_class(document: object) -> None:
    body = orjson.dumps(document)
    reads_or_fails(body)
    bcb_sgs.parse_sgs_refusal(body)
