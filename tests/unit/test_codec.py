"""What a scraper may return, and how it is stored."""

from __future__ import annotations

import dataclasses
import enum
import uuid
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import orjson
import pydantic
import pytest

from pregao.domain.failure import FailureClass
from pregao.queue.codec import RESULT_LIMIT_BYTES, ResultRejected, encode_result, storable_object, storable_text
from pregao.queue.plain import DEPTH_LIMIT, PATHS_LIMIT

Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.StrEnum):
    TOP = "top"


@dataclasses.dataclass
class Quote:
    price: Decimal
    at: date


class Candle(msgspec.Struct):
    close: float
    tags: set[str]


class Model(pydantic.BaseModel):
    value: Decimal


def stored(data: object) -> Any:
    return orjson.loads(encode_result(data).document)


@pytest.mark.parametrize("value", [{}, [], 0, None, "", False, {"a": None}, [[]], [{}], {"": ""}, "\\u0000", 2**63])
def test_plain_values_are_kept_exactly_as_they_are(value: object) -> None:
    encoded = encode_result(value)
    assert orjson.loads(encoded.document) == value
    assert type(orjson.loads(encoded.document)) is type(value)
    assert encoded.sanitised == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 1, 5, 10, 30, tzinfo=UTC), "2026-01-05T10:30:00+00:00"),
        (datetime(2026, 1, 5, 10, 30), "2026-01-05T10:30:00"),
        (date(2026, 1, 5), "2026-01-05"),
        (time(10, 30), "10:30:00"),
        (timedelta(minutes=1), 60.0),
        (Decimal("10.10"), 10.1),
        (Decimal("-0"), 0),
        (b"ab", "YWI="),
        (bytearray(b"ab"), "YWI="),
        (memoryview(b"ab"), "YWI="),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ((1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (deque([1]), [1]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (Point(1, 2), [1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (Colour.RED, "red"),
        (Colour.PAIR, [1, 2]),
        (Level.TOP, "top"),
        (Quote(Decimal("1.5"), date(2026, 1, 5)), {"price": 1.5, "at": "2026-01-05"}),
        (Candle(1.0, {"b", "a"}), {"close": 1.0, "tags": ["a", "b"]}),
        (Model(value=Decimal("1.5")), {"value": 1.5}),
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.longdouble(2.5), 2.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(5), 5),
        (np.datetime64("2026-01-05"), "2026-01-05"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_richer_types_become_json(value: object, expected: object) -> None:
    assert stored({"value": value}) == {"value": expected}
    assert encode_result(value).sanitised == []


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (1, "1"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (date(2026, 1, 5), "2026-01-05"),
        (Level.TOP, "top"),
        (np.int64(3), "3"),
        (2**70, str(2**70)),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_keys_become_strings(key: object, name: str) -> None:
    assert stored({key: 0}) == {name: 0}


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), float("-inf"), 1e400, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"),
     Decimal("1e400"), 10**400, np.float32("nan")],
    ids=repr,
)  # fmt: skip
def test_a_number_that_json_cannot_hold_becomes_null_and_is_listed(value: object) -> None:
    encoded = encode_result({"rows": [{"pe": value}]})
    assert orjson.loads(encoded.document) == {"rows": [{"pe": None}]}
    assert encoded.sanitised == ["$.rows[0].pe"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [("a\x00b", "ab"), ("\x00", ""), ("\ud800", "\ufffd"), ("x\udfffy", "x\ufffdy"), ("\ud83d\ude00", "\U0001f600")],
)
def test_text_that_postgresql_refuses_is_cleaned_and_listed(text: str, clean: str) -> None:
    encoded = encode_result({"a b": text})
    assert orjson.loads(encoded.document) == {"a b": clean}
    assert encoded.sanitised == ['$["a b"]']


def test_a_key_is_cleaned_like_any_text() -> None:
    encoded = encode_result({"a\x00": 1})
    assert encoded.document == b'{"a":1}'
    assert len(encoded.sanitised) == 1


def test_of_two_keys_that_become_one_the_later_stands_and_the_loss_is_listed() -> None:
    encoded = encode_result({1: "number", "1": "text"})
    assert encoded.document == b'{"1":"text"}'
    assert encoded.sanitised == ['$["1"]']


def test_integers_beyond_64_bits_keep_every_digit() -> None:
    assert encode_result([2**70, -(2**70)]).document == b"[1180591620717411303424,-1180591620717411303424]"


def test_decimals_keep_digits_that_a_float_would_lose() -> None:
    assert encode_result(Decimal("0.12345678901234567890123")).document == b"0.12345678901234567890123"


def test_the_list_of_sanitised_places_is_bounded() -> None:
    sanitised = encode_result([float("nan")] * (PATHS_LIMIT + 10)).sanitised
    assert len(sanitised) == PATHS_LIMIT + 1
    assert sanitised[-1] == "and 10 more"


def test_a_long_path_is_shortened_in_its_middle() -> None:
    [path] = encode_result({"k" * 1000: float("nan")}).sanitised
    assert len(path) < 300
    assert path.startswith("$.kkk")


def test_a_result_at_the_limit_is_accepted_and_one_byte_more_is_not() -> None:
    fits = "x" * (RESULT_LIMIT_BYTES - 2)
    assert len(encode_result(fits).document) == RESULT_LIMIT_BYTES
    with pytest.raises(
        ResultRejected, match=r"the result is 5\.0 MiB of JSON \(5242881 bytes\); the limit is 5\.0 MiB"
    ):
        encode_result(fits + "x")


def _itself() -> object:
    loop: list[object] = []
    loop.append({"again": loop})
    return loop


def _nested(levels: int, wrap: Callable[[object], object]) -> object:
    data: object = 0
    for _ in range(levels):
        data = wrap(data)
    return data


def _own_array() -> object:
    array = np.empty(1, dtype=object)
    array[0] = array
    return array


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_itself, r"contains itself at \$\[0\]\.again"),
        (_own_array, "deeper than"),
        (lambda: {"rows": [object()]}, r"builtins\.object at \$\.rows\[0\]"),
        (lambda: {"f": print}, r"builtin_function_or_method at \$\.f"),
        (lambda: 1j, r"builtins\.complex at \$"),
        (lambda: (n for n in range(3)), r"builtins\.generator at \$"),
        (lambda: Quote, r"builtins\.type at \$"),
        (lambda: {(1, 2): 3}, "key of type tuple"),
    ],
)  # fmt: skip
def test_data_without_a_json_form_is_rejected_with_its_place(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(ResultRejected, match=problem) as caught:
        encode_result(make())
    assert caught.value.failure_class is FailureClass.VALIDATION
    assert caught.value.retryable is False


@pytest.mark.parametrize(
    "wrap",
    [lambda data: [data], lambda data: {"a": data}, lambda data: (data,), lambda data: OrderedDict(a=data)],
    ids=["list", "dict", "tuple", "subclass"],
)
def test_depth_is_limited_the_same_for_every_container(wrap: Callable[[object], object]) -> None:
    assert encode_result(_nested(DEPTH_LIMIT, wrap))
    with pytest.raises(ResultRejected, match=f"deeper than {DEPTH_LIMIT} levels"):
        encode_result(_nested(DEPTH_LIMIT + 1, wrap))


def test_an_object_shared_by_two_places_is_not_a_cycle() -> None:
    shared = [float("nan")]
    assert stored({"a": shared, "b": shared}) == {"a": [None], "b": [None]}


def test_text_for_a_column_is_cleaned() -> None:
    assert storable_text("a\x00\ud800") == "a\ufffd"


def test_metadata_that_has_no_json_form_is_replaced_by_a_note() -> None:
    assert storable_object({"a": 1}) == b'{"a":1}'
    assert b"builtins.object at $.a" in storable_object({"a": object()})
