"""What a result has to be to deserve the name."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.limits import block_texts
from pregao.limits.block_texts import block_text, may_hold_block_text
from pregao.limits.checks import LastGood, check_result, numbers_in, told
from pregao.limits.values import Bounds, ResultChecks

AT = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


def problems(data: Any, last: LastGood | None = None, **checks: Any) -> list[str]:
    return check_result(data, ResultChecks(**checks), last)


def test_a_result_without_checks_passes() -> None:
    assert problems({"anything": None}) == []


@pytest.mark.parametrize("empty", [None, "", "  ", "-", "N/A", [], {}])
def test_a_required_field_has_to_have_a_value(empty: object) -> None:
    assert problems({"price": empty, "name": "x"}, required=("price", "name")) == ["lacks price"]


@pytest.mark.parametrize("value", [0, False, "0", 0.0, [0]])
def test_zero_and_false_are_values(value: object) -> None:
    assert problems({"price": value}, required=("price",)) == []


def test_a_required_field_may_be_inside_of_another_or_have_a_dot_in_its_name() -> None:
    data = {"quote": {"last": 1}, "a.b": 2}
    assert problems(data, required=("quote.last", "a.b")) == []
    assert problems(data, required=("quote.first", "price.last")) == ["lacks quote.first", "lacks price.last"]


@pytest.mark.parametrize(
    ("data", "what"),
    [([], "an empty list"), ("text", "a text"), (None, "null"), ([1], "a list without"), (3, "a single")],
)
def test_what_has_no_fields_lacks_all_that_are_required(data: Any, what: str) -> None:
    (found,) = problems(data, required=("title", "url"))
    assert found.startswith(f"is {what}")
    assert found.endswith("and has no title, url")


def test_every_item_of_a_list_has_to_have_what_is_required() -> None:
    rows = [{"title": "a"}, {"title": ""}, {}, {"title": "d"}]
    assert problems(rows, required=("title",)) == ["lacks title in item 2 of 4 and 1 more"]


def test_fields_with_a_value_are_counted_wherever_they_are() -> None:
    data = {"ticker": "PETR4", "figures": {"pe": 4.1, "pb": None, "roe": "-"}, "rows": [1, 2], "none": []}
    assert problems(data, min_fields=3) == []
    assert problems(data, min_fields=4) == ["has 3 fields with a value, and should have 4"]
    assert problems({"a": 1}, min_fields=17) == ["has 1 field with a value, and should have 17"]


def test_the_items_of_a_list_are_counted() -> None:
    assert problems([{}, {}], min_fields=3) == ["has 2 items, and should have 3"]


@pytest.mark.parametrize(
    ("value", "told_as"),
    [
        (0, "has price 0, below 0.01"),
        (-3.5, "has price -3.5, below 0.01"),
        (1e7, "has price 10000000.0, above 1e+06"),
        ("R$ 0,00", "has price 'R$ 0,00', below 0.01"),
        ("soon", "has price 'soon', which is no number"),
        (True, "has price True, which is no number"),
        ({"a": 1}, "has price {'a': 1}, which is no number"),
    ],
)
def test_a_number_has_to_be_in_its_range(value: object, told_as: str) -> None:
    assert problems({"price": value}, ranges={"price": Bounds(min=0.01, max=1e6)}) == [told_as]


@pytest.mark.parametrize("value", [0.01, 1e6, "1.234,56", "30.41", "12,5%", None, "-", ""])
def test_both_ends_belong_to_a_range_and_what_is_not_there_is_in_none(value: object) -> None:
    assert problems({"price": value}, ranges={"price": Bounds(min=0.01, max=1e6)}) == []


def test_the_first_item_out_of_range_is_named() -> None:
    rows = [{"p": 1}, {"p": 200}, {"p": 300}]
    assert problems(rows, ranges={"p": Bounds(max=100)}) == ["has p 200, above 100 in item 2 of 3"]


def test_a_text_that_no_result_may_contain_is_found_anywhere() -> None:
    data = {"rows": [{"name": "Página BLOQUEADA hoje"}]}
    assert problems(data, block_patterns=("página bloqueada",)) == ["has 'página bloqueada' in rows[0].name"]


def test_a_block_page_is_told_with_where_it_stands() -> None:
    assert problems({"company": {"name": "502 Bad Gateway"}}) == [
        "is a block page: company.name says '502 bad gateway'"
    ]
    assert problems("Attention Required! | Cloudflare") == [
        "is a block page: it says 'attention required! | cloudflare'"
    ]
    assert problems({"name": "Bad gateway"}, block_pages=False) == []


@pytest.mark.parametrize(
    "text",
    ["Bad gateway", "502 Bad Gateway", "Error 502: Bad gateway | nginx", "HTTP 503 Service Unavailable",
     "Just a moment...", "Attention Required! | Cloudflare", "captcha", "Please complete the captcha to continue",
     "Access denied",
     "Acesso negado", "Sorry, you have been blocked", "Checking your browser before accessing x.com.br",
     "Please verify you are human by completing the action below.", "403 Forbidden\nnginx", "Um momento…",
     "<!DOCTYPE html><html><head><title>Just a moment...</title>" + "<p>.</p>" * 50],
)  # fmt: skip
def test_a_notice_is_a_block_page(text: str) -> None:
    assert block_text(text) is not None
    assert may_hold_block_text(orjson.dumps({"name": text}))


@pytest.mark.parametrize(
    "text",
    ["Cloudflare", "Cloudflare shares rise after earnings", "Captcha solvers are a business", "Gateway Industries SA",
     "Just a moment: what the CEO said", "Forbidden City tour operator", "Petrobras PN", "",
     "Access denied to millions", "A long article about how Cloudflare and captchas work. " * 10],
)  # fmt: skip
def test_what_is_about_such_things_is_none(text: str) -> None:
    assert block_text(text) is None


@given(st.text(max_size=200), st.sampled_from(["Bad gateway", "just a moment", "captcha", ""]), st.text(max_size=5))
def test_a_document_without_the_words_holds_no_block_page(before: str, notice: str, after: str) -> None:
    text = f"{before}{notice}{after}"
    if block_text(text) is not None:
        assert may_hold_block_text(orjson.dumps([text]))


@pytest.mark.parametrize(
    "text", [":" * 159 + "x", "| cloudflare " * 12, "403 " * 40, "error " * 26, "captcha" + "/| x" * 38]
)
def test_words_repeated_without_end_are_no_notice(text: str) -> None:
    assert block_text(text) is None


LAST = LastGood({"price": 50.0, "zero": 0.0}, AT)


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (74.9, []),
        (25.0, []),
        (120, ["has price 120, +140.0 % against 50 of 2026-11-20T17:00 (50 % is allowed)"]),
        ("R$ 10,00", ["has price 10, -80.0 % against 50 of 2026-11-20T17:00 (50 % is allowed)"]),
        (None, []),
        ("soon", []),
    ],
)
def test_a_number_may_differ_so_much_from_the_last_good_one(price: object, expected: list[str]) -> None:
    assert problems({"price": price}, LAST, max_deviation={"price": 50.0}) == expected


def test_nothing_is_compared_with_nothing() -> None:
    data = {"price": 1e9, "zero": 5, "new": 7}
    assert problems(data, None, max_deviation={"price": 1.0}) == []
    assert problems(data, LAST, max_deviation={"zero": 1.0, "new": 1.0}) == []
    assert problems([data], LAST, max_deviation={"price": 1.0}) == []


def test_numbers_are_kept_for_the_next_comparison() -> None:
    data = {"price": "1.234,56", "name": "x", "quote": {"last": 2}}
    assert numbers_in(data, {"price": 1, "name": 1, "quote.last": 1, "gone": 1}) == {
        "price": 1234.56,
        "quote.last": 2.0,
    }
    assert numbers_in([data], {"price": 1}) == {}


def test_all_that_is_wrong_is_told_in_one_sentence_of_bounded_length() -> None:
    found = problems({}, required=tuple("abcdefg"))
    assert told(found[:2]) == "the result lacks a; it lacks b"
    assert told(found) == "the result lacks a; it lacks b; it lacks c; it lacks d; it lacks e; and 2 more"


@given(JSON)
def test_whatever_was_scraped_is_judged(data: Any) -> None:
    checks = ResultChecks(
        required=("a", "b.c"),
        min_fields=2,
        ranges={"a": Bounds(min=0)},
        block_patterns=("x",),
        max_deviation={"a": 10.0},
    )
    found = check_result(data, checks, LastGood({"a": 1.0}, AT))
    assert all(isinstance(problem, str) for problem in found)


def test_the_examples_in_the_documentation_hold() -> None:
    assert doctest.testmod(block_texts).failed == 0
