"""Rates as people write them."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.limits import rate
from pregao.limits.rate import LARGEST, Rate, parse_rate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30/min", Rate(30, 60_000)), ("1/s", Rate(1, 1_000)), ("2/h", Rate(2, 3_600_000)),
        ("500/day", Rate(500, 86_400_000)), (" 10 / MIN ", Rate(10, 60_000)), ("10 per minute", Rate(10, 60_000)),
        ("5/hours", Rate(5, 3_600_000)), ("3 a day", Rate(3, 86_400_000)), ("7/m", Rate(7, 60_000)),
    ],
)  # fmt: skip
def test_a_rate_is_a_count_and_a_span(text: str, expected: Rate) -> None:
    assert parse_rate(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "30", "30/", "/min", "0/min", "-1/min", "1.5/min", "30/fortnight", "30/2min", f"{LARGEST + 1}/s", "٣/min"],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_rate(text) is None


@given(st.integers(1, LARGEST), st.sampled_from(["s", "min", "h", "day"]))
def test_what_is_written_is_read_again(count: int, unit: str) -> None:
    found = parse_rate(f"{count}/{unit}")
    assert found is not None
    assert str(found) == f"{count}/{unit}"
    assert found.field == f"{count}/{found.window_ms}"


def test_the_examples_in_the_documentation_hold() -> None:
    assert doctest.testmod(rate).failed == 0
