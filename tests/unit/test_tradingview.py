"""TradingView's scanner: what its answers say of one symbol."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers, scans
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.tradingview_scan import (
    COLUMNS,
    MIN_NUMBERS,
    NUMBERS,
    describe_signals,
    parse_scan,
    rating,
    signals_of,
)

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SYMBOL = "BMFBOVESPA:SMPL4"
SAMPLE = scans.scan(scans.row(SYMBOL), scans.row("BMFBOVESPA:OTHR3"))
ASKED_AT = datetime(2026, 10, 5, 15, 10, tzinfo=UTC)


def data_of(body: bytes, asked_at: datetime = ASKED_AT) -> dict[str, Any]:
    data = describe_signals(signals_of(parse_scan(body, COLUMNS), SYMBOL), asked_at, "http://x")
    assert orjson.loads(orjson.dumps(data)) == data
    return data


def failure_of(body: bytes) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        data_of(body)
    return caught.value


def test_values_are_read_by_the_columns_of_the_request() -> None:
    data = data_of(SAMPLE)
    assert (data["ticker"], data["symbol"], data["name"]) == ("SMPL4", SYMBOL, "SAMPLE CO PN")
    assert (data["price"], data["change_pct"], data["currency"]) == (30.1, -0.66, "BRL")
    assert [data[name] for name in ("sma_200", "market_cap")] == [
        10.0 + list(NUMBERS).index(column) for column in ("SMA200", "market_cap_basic")
    ]


def test_ratings_are_told_in_words_and_as_numbers() -> None:
    data = data_of(SAMPLE)
    assert (data["recommendation"], data["recommend_all"]) == ("buy", 0.35)
    assert (data["recommendation_averages"], data["recommendation_oscillators"]) == ("strong_buy", "sell")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "strong_buy"),
        (0.5, "strong_buy"),
        (0.49, "buy"),
        (0.1, "buy"),
        (0.09, "neutral"),
        (-0.09, "neutral"),
        (-0.1, "sell"),
        (-0.49, "sell"),
        (-0.5, "strong_sell"),
        (None, None),
    ],
)
def test_the_scale_of_ratings(value: float | None, words: str | None) -> None:
    assert rating(value) == words
    assert words is None or words.upper() in expected("tradingview", "recommend_scale")


@pytest.mark.parametrize(
    ("asked_at", "changes", "as_of"),
    [
        ("2026-10-05T15:10", {}, "2026-10-05T11:55"),
        ("2026-10-05T15:40", {}, "2026-10-05T12:00"),
        ("2026-10-05T15:40", {"last_bar_update_time": None}, "2026-10-05T12:25"),
        ("2026-10-05T14:50", {"update_mode": "streaming"}, "2026-10-05T11:50"),
        ("2026-10-05T15:10", {"update_mode": None}, "2026-10-05T11:55"),
        ("2026-10-05T15:10", {"update_mode": "endofday"}, "2026-10-05T11:55"),
        ("2026-10-05T23:00", {"last_bar_update_time": None}, "2026-10-05T17:00"),
        ("2026-10-12T15:00", {"last_bar_update_time": None}, "2026-10-09T17:00"),
    ],
)
def test_prices_are_for_a_moment_of_the_market(asked_at: str, changes: dict[str, Any], as_of: str) -> None:
    body = scans.scan(scans.row(SYMBOL, **changes))
    moment = datetime.fromisoformat(asked_at).replace(tzinfo=UTC)
    assert data_of(body, moment)["as_of"].startswith(as_of)


def test_nulls_are_common_and_stay_null() -> None:
    nulls = dict.fromkeys(list(NUMBERS)[MIN_NUMBERS:])
    data = data_of(scans.scan(scans.row(SYMBOL, sector=None, **nulls)))
    assert (data["sector"], data["rsi_14"], data["recommendation_1h"]) == (None, None, None)
    assert data["price"] == 30.1


def test_a_row_with_too_few_numbers_is_no_success() -> None:
    error = failure_of(scans.scan(scans.row(SYMBOL, **dict.fromkeys(list(NUMBERS)[MIN_NUMBERS - 1 :]))))
    assert error.failure_class is FailureClass.VALIDATION
    assert f"{MIN_NUMBERS - 1} of {len(NUMBERS)} numbers" in str(error)


@pytest.mark.parametrize(
    "body", [scans.scan(), scans.scan(scans.row("BMFBOVESPA:OTHR3")), b'{"totalCount":0,"data":null}']
)
def test_a_symbol_that_is_absent_does_not_exist(body: bytes) -> None:
    assert failure_of(body).failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize(
    ("body", "failure_class", "words"),
    [
        (b"", FailureClass.NETWORK, "nothing"),
        (answers.PAGE, FailureClass.BLOCKED, "page"),
        (answers.CHALLENGE, FailureClass.BLOCKED, "bot check"),
        (b"[]", FailureClass.VALIDATION, "totalCount"),
        (b'{"totalCount":1}', FailureClass.VALIDATION, "data"),
        (b'{"totalCount":0,"error":"Unknown field \\"SMA21\\"","data":null}', FailureClass.VALIDATION, "SMA21"),
        (b'{"totalCount":1,"data":[5]}', FailureClass.VALIDATION, "lacks `s` or `d`"),
        (scans.scan({"s": SYMBOL, "d": [1, 2]}), FailureClass.VALIDATION, f"2 values for {len(COLUMNS)} columns"),
        (scans.scan(scans.row(SYMBOL, close=None)), FailureClass.VALIDATION, "close"),
        (scans.scan(scans.row(SYMBOL, RSI="high")), FailureClass.VALIDATION, "RSI"),
        (scans.scan(scans.row(SYMBOL, last_bar_update_time="x")), FailureClass.VALIDATION, "last_bar_update_time"),
    ],
)
def test_what_is_no_scan_has_a_class_and_names_the_fault(body: bytes, failure_class: FailureClass, words: str) -> None:
    error = failure_of(body)
    assert error.failure_class is failure_class
    assert words in str(error)


# --- against the recording, which is of American papers and of columns that it does not name

NAME = "scan_response_real_us_2026.json"


def test_the_recorded_scan_reads_as_by_hand() -> None:
    wanted = expected("tradingview", NAME)
    named = [wanted[f"d{n}"] for n in range(7)]
    columns = [*named, *(f"column {n}" for n in range(7, wanted["columns_per_row"]))]
    scan = parse_scan(recording("tradingview", NAME), columns)
    assert (scan.total, len(scan.rows)) == (wanted["totalCount"], wanted["rows"])
    for symbol in (wanted["MDB"]["s"], "NYSE:MCD"):
        by_hand, row = wanted.get(symbol, wanted["MDB"]), scan.rows[symbol]
        assert (row["close"], row["change %"]) == (by_hand["close"], by_hand["change_pct"])
        assert (row["name"], len(row)) == (symbol.partition(":")[2], wanted["columns_per_row"])
        assert all(isinstance(row[name], str) for name in ("description", "sector", "industry"))
    with pytest.raises(ScrapeError, match="56 values for 7 columns"):
        parse_scan(recording("tradingview", NAME), named)


def test_the_columns_of_the_documented_request_are_among_ours() -> None:
    documented = orjson.loads(recording("tradingview", "scan_request_brazil.json"))["columns"]
    assert set(documented) - {"name"} <= set(COLUMNS)


# --- whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.sampled_from([SYMBOL, "streaming"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["totalCount", "data", "s", "d", "error"]) | st.text(max_size=5), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def reads_or_fails(body: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        data_of(body)


@STEADY
@given(st.binary(max_size=200) | st.integers(0, len(SAMPLE)).map(lambda end: SAMPLE[:end]))
def test_any_bytes_fail_with_a_class(body: bytes) -> None:
    reads_or_fails(body)


@STEADY
@given(st.permutations(list(SAMPLE)))
def test_a_shuffled_scan_fails_with_a_class(letters: list[int]) -> None:
    reads_or_fails(bytes(letters))


@STEADY
@given(JSON)
def test_any_json_fails_with_a_class(document: object) -> None:
    reads_or_fails(orjson.dumps(document))
    reads_or_fails(scans.scan(document))


@STEADY
@given(st.sampled_from(COLUMNS), JSON)
def test_any_value_in_a_column_fails_with_a_class(column: str, value: object) -> None:
    reads_or_fails(scans.scan(scans.row(SYMBOL, **{column: value})))


@STEADY
@given(st.permutations(scans.row(SYMBOL)["d"]))
def test_values_in_another_order_fail_with_a_class(values: list[object]) -> None:
    reads_or_fails(scans.scan({"s": SYMBOL, "d": values}))
