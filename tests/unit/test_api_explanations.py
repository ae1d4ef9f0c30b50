"""How the API's doors read what comes in, and what they say of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from pregao.api.explain import SHOWN_CHARACTERS, explain, shown
from pregao.api.schemas import JobRequest, ListQuery, PeriodQuery, period_of, problem_schema
from pregao.domain.job import JobPriority


def problem_with(model: type[Any], **values: object) -> tuple[str, str, str]:
    """Field, problem and fix of the one error in these values."""
    with pytest.raises(ValidationError) as refused:
        model(**values)
    [entry] = refused.value.errors()
    told = explain({**entry, "loc": ("body", *entry["loc"])}, list(model.model_fields))
    return told.field, told.problem, told.fix


def nested(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {"d": 1}
    for _ in range(levels - 1):
        document = {"d": document}
    return document


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(days=1)),
        ("7D", timedelta(days=7)),
        (" 2w ", timedelta(weeks=2)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_period_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert period_of(text) == length


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "0d", "1.5h", "1y", "3651d", "999999999h", "٢٤h"])
def test_what_is_not_a_period_is_explained_with_examples(text: str) -> None:
    field, _, fix = problem_with(PeriodQuery, period=text)
    assert field == "period"
    assert "for example 30m, 24h or 7d" in fix


def test_a_priority_is_read_in_any_case() -> None:
    assert JobRequest(scraper_name="B3", priority="HIGH").priority is JobPriority.HIGH  # type: ignore[arg-type]


def test_a_value_out_of_bounds_is_told_its_bounds() -> None:
    assert problem_with(JobRequest, scraper_name="B3", max_retries=-5) == (
        "max_retries",
        "is out of range",
        "use a value greater than or equal to 0",
    )


def test_a_value_that_is_none_of_a_few_is_told_them() -> None:
    field, problem, fix = problem_with(ListQuery, status="done")
    assert (field, problem) == ("status", "is not allowed")
    assert "'pending'" in fix


def test_a_name_that_nothing_is_close_to_is_told_all_names() -> None:
    _, _, fix = problem_with(PeriodQuery, since="yesterday")
    assert fix == "known are period"


@pytest.mark.parametrize("levels", [101, 50_000])
def test_metadata_that_is_nested_too_deep_is_refused(levels: int) -> None:
    assert problem_with(JobRequest, scraper_name="B3", metadata=nested(levels))[:2] == (
        "metadata",
        "is nested too deep",
    )


def test_metadata_may_be_nested_a_hundred_levels_deep() -> None:
    assert JobRequest(scraper_name="B3", metadata=nested(100)).metadata is not None


def test_metadata_may_hold_a_backslash_that_looks_like_a_nul() -> None:
    assert JobRequest(scraper_name="B3", metadata={"path": "a\\u0000b"}).metadata == {"path": "a\\u0000b"}


def test_a_long_value_is_shown_by_its_beginning() -> None:
    assert shown("x" * 1000) == "x" * SHOWN_CHARACTERS + "… (1000 characters)"


@pytest.mark.parametrize("value", [None, True, 3, 1.5, "PETR4"])
def test_a_short_value_is_shown_as_it_came(value: object) -> None:
    assert shown(value) == value


def test_a_problem_s_schema_refers_to_nothing_outside_itself() -> None:
    assert "$ref" not in str(problem_schema())
