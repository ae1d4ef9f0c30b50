import doctest
import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.scrapers import numbers_ptbr
from pregao.scrapers.numbers_ptbr import date_of, is_missing, number, percent


def test_the_examples_in_the_module_hold() -> None:
    assert doctest.testmod(numbers_ptbr).failed == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("46,48", 46.48),
        ("1.254.740.000", 1_254_740_000.0),
        ("R$ 43,55", 43.55),
        ("R$\xa03,2724", 3.2724),
        ("-3.293.290.000", -3_293_290_000.0),
        ("R$ -1,50", -1.5),
        ("- R$ 1,50", -1.5),
        ("\u22120,19", -0.19),
        ("+2", 2.0),
        ("US$ 5", 5.0),
        ("  \n 8,38\n", 8.38),
        ("561,21 Bilhões", 561_210_000_000.0),
        ("1 Bilhão", 1e9),
        ("R$ 12,3 M", 12_300_000.0),
        ("7,5 milhões", 7_500_000.0),
        ("2,1 Trilhões", 2.1e12),
        ("15 mil", 15_000.0),
        ("5,5 mi.", 5_500_000.0),
    ],
)
def test_numbers_are_read(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    ["30.41", "1.23.456", "1,2,3", "12 anos", "--5", "- -5", "5-", "R$", ",5", "١٢", "5²", "1e5", "inf", "9" * 61],
)
def test_what_is_no_brazilian_number_is_none_and_not_missing(text: str) -> None:
    assert number(text) is None
    assert not is_missing(text)


@pytest.mark.parametrize("text", [None, "", "  ", "-", "–", "--", "N/A", "nd", "R$ -", "-%", "- %"])
def test_what_stands_for_a_missing_value_is_none(text: str | None) -> None:
    assert number(text) is None
    assert percent(text) is None
    assert is_missing(text)


@pytest.mark.parametrize(("text", "value"), [("0,0%", 0.0), ("-9,84%", -9.84), ("100 %", 100.0), ("1.234,5%", 1234.5)])
def test_percentages_are_read_in_percent_units(text: str, value: float) -> None:
    assert percent(text) == value
    assert number(text) is None


def test_an_amount_is_no_percentage() -> None:
    assert percent("R$ 5,00") is None
    assert percent("5 mil") is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("03/07/2026", date(2026, 7, 3)),
        ("entre 27/12/2024 e 27/12/2025", date(2024, 12, 27)),
        ("26/12/25 18:06", date(2025, 12, 26)),
        ("2025-12-27", date(2025, 12, 27)),
        ("00/00/0000", None),
        ("12/2025", None),
        ("123/07/20261", None),
        (None, None),
    ],
)
def test_dates_are_read(text: str | None, day: date | None) -> None:
    assert date_of(text) == day


@given(st.text(max_size=80))
def test_any_text_gives_a_finite_number_or_none(text: str) -> None:
    for value in (number(text), percent(text)):
        assert value is None or math.isfinite(value)
    date_of(text)


@given(st.integers(-(10**14), 10**14), st.integers(0, 99))
def test_a_number_written_the_brazilian_way_reads_back(whole: int, cents: int) -> None:
    text = f"{whole:,}".replace(",", ".") + f",{cents:02d}"
    assert number(text) == float(f"{whole}.{cents:02d}")
