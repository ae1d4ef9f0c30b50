"""Whatever a scraper returns: what is encoded is storable as jsonb and comes back the same."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import asyncpg
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pregao.queue.codec import _encode_if_plain, encode_result
from pregao.queue.plain import PlainValues

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=30)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**320), 10**320)
    | st.floats()
    | st.decimals()
    | ANY_TEXT
    | st.binary(max_size=20)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
)
KEYS = ANY_TEXT | st.none() | st.booleans() | st.integers() | st.floats() | st.dates()
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(KEYS, inner, max_size=5)
        | st.tuples(inner, inner)
        | st.sets(st.integers() | ANY_TEXT, max_size=4)
    ),
    max_leaves=25,
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(ANY_TEXT, inner, max_size=6),
    max_leaves=25,
)


def comparable(value: Any) -> Any:
    """Numbers as floats: jsonb prints 1e300 with all its zeros, and JSON readers take large integers as floats."""
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [comparable(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


@given(PLAIN)
def test_the_fast_way_and_the_careful_way_agree(data: object) -> None:
    fast = _encode_if_plain(data)
    values = PlainValues()
    careful = orjson.dumps(values.plain(data))
    if fast is not None:
        assert fast == careful
        assert values.sanitised() == []


@given(DATA)
def test_what_is_encoded_is_json_without_nul_or_surrogates(data: object) -> None:
    encoded = encode_result(data)
    text = encoded.document.decode("utf-8", "strict")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert "\\u0000" not in text.replace("\\\\", "")


@given(st.dictionaries(st.text("abc", max_size=3), st.floats() | st.text("ab\x00\ud800", max_size=4)))
def test_every_loss_is_listed_and_nothing_else(data: dict[str, float | str]) -> None:
    lost = [
        key
        for key, value in data.items()
        if (isinstance(value, float) and not math.isfinite(value))
        or (isinstance(value, str) and ("\x00" in value or "\ud800" in value))
    ]
    assert len(encode_result(data).sanitised) == len(lost)


def test_whatever_is_encoded_comes_back_from_jsonb(database_url: str) -> None:
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(database_url))
        try:

            @settings(max_examples=300, deadline=None)
            @given(DATA)
            def round_trip(data: object) -> None:
                document = encode_result(data).document
                back = runner.run(connection.fetchval("SELECT ($1::text::jsonb)::text", document.decode()))
                assert comparable(orjson.loads(back)) == comparable(orjson.loads(document))

            round_trip()
        finally:
            runner.run(connection.close())
