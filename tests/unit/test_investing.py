"""Investing.com: the daily prices that its answers hold, and what is refused."""

import contextlib
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from tests.samples import block_pages, investing_answers
from tests.samples.damage import damaged
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.investing import describe_history
from pregao.scrapers.builtin.investing_history import parse_history, parse_history_page

HOST = "api.investing.com"
FRIDAY = date(2026, 10, 2)
ROWS = investing_answers.days(FRIDAY, "30.41", "30.20", "29.95")


def refusal(body: bytes) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        parse_history(body, HOST)
    return caught.value


def test_the_api_and_the_page_hold_the_same_rows() -> None:
    rows = parse_history(investing_answers.history(*ROWS), HOST)
    assert parse_history_page(investing_answers.page(*ROWS), HOST) == rows
    assert parse_history(investing_answers.page_data(*ROWS), HOST) == rows
    assert [(row.day.day, row.close) for row in rows] == [(2, 30.41), (1, 30.2), (30, 29.95)]
    assert (rows[0].open, rows[0].high, rows[0].low, rows[0].volume) == (30.0, 30.9, 29.8, 35_200_000)
    assert rows[0].change_pct == 0.33


def test_rows_are_newest_first_and_one_for_each_day() -> None:
    again = investing_answers.row(FRIDAY, "1.00")
    rows = parse_history(investing_answers.history(*reversed(ROWS), again), HOST)
    assert [row.close for row in rows] == [30.41, 30.2, 29.95]


def test_what_a_row_lacks_is_null() -> None:
    body = investing_answers.history(
        investing_answers.row(FRIDAY, volumeRaw=..., change_precentRaw="", last_minRaw=None)
    )
    row = parse_history(body, HOST)[0]
    assert row.volume is row.change_pct is row.low is None


@pytest.mark.parametrize("field", ["last_openRaw", "last_maxRaw", "last_minRaw", "last_closeRaw"])
def test_a_price_that_is_absent_is_a_format_that_changed(field: str) -> None:
    error = refusal(investing_answers.history(investing_answers.row(FRIDAY, **{field: ...})))
    assert error.failure_class is FailureClass.VALIDATION
    assert field in str(error)


@pytest.mark.parametrize("body", [b'{"data":[]}', b'{"data":null}'])
def test_no_rows_are_no_failure_of_the_format(body: bytes) -> None:
    assert parse_history(body, HOST) == ()


def test_data_is_flat_for_the_newest_row_and_lists_the_recent_ones() -> None:
    data = describe_history("8849", parse_history(investing_answers.history(*ROWS), HOST), "http://x")
    assert (data["kind"], data["instrument"], data["price"], data["close"]) == ("history", "8849", 30.41, 30.41)
    assert (data["date"], data["as_of"], data["previous_close"]) == ("2026-10-02", "2026-10-02", 30.2)
    recent: Any = data["recent"]
    assert recent[2] == {
        "date": "2026-09-30",
        "open": 30.0,
        "high": 30.9,
        "low": 29.8,
        "close": 29.95,
        "volume": 35_200_000.0,
        "change_pct": 0.33,
    }
    assert orjson.loads(orjson.dumps(data)) == data


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "no object"),
        (b"nothing here", "not JSON"),
        (b'{"props":{}}', "lacks the rows of historicalData"),
        (b'{"@errors":["instrument not found"]}', "it says \\['instrument not found'\\]"),
        (b'{"data":{"error":1}}', "lacks the rows"),
        (b'{"data":[1]}', "no object"),
        (investing_answers.history(investing_answers.row(FRIDAY, last_closeRaw=...)), "last_closeRaw"),
        (investing_answers.history(investing_answers.row(FRIDAY, "30,41")), "'30,41' as last_closeRaw"),
        (investing_answers.history(investing_answers.row(FRIDAY, last_maxRaw=True)), "'True' as last_maxRaw"),
        (investing_answers.history(investing_answers.row(FRIDAY, last_closeRaw="NaN")), "'NaN' as last_closeRaw"),
        (
            investing_answers.history(investing_answers.row(FRIDAY, rowDateTimestamp="soon")),
            "'soon' as rowDateTimestamp",
        ),
        (investing_answers.history(investing_answers.row(FRIDAY, rowDateTimestamp=...)), "rowDateTimestamp"),
    ],
)
def test_what_is_not_the_format_says_what_is_missing(body: bytes, problem: str) -> None:
    with pytest.raises(ScrapeError, match=problem) as caught:
        parse_history(body, HOST)
    assert caught.value.failure_class is FailureClass.VALIDATION


def test_a_page_without_its_data_is_refused_by_name() -> None:
    with pytest.raises(ScrapeError, match="lacks __NEXT_DATA__") as caught:
        parse_history_page(block_pages.page("SMPL", "<h1>SMPL</h1>"), HOST)
    assert caught.value.failure_class is FailureClass.VALIDATION


@pytest.mark.parametrize("body", [*block_pages.BLOCKED, block_pages.page("Investing.com", "<p>texto</p>")])
def test_a_page_in_place_of_the_api_s_answer_is_a_block(body: bytes) -> None:
    assert refusal(body).failure_class is FailureClass.BLOCKED


@pytest.mark.parametrize("body", block_pages.BROKEN)
def test_a_server_in_trouble_is_a_network_failure(body: bytes) -> None:
    assert refusal(body).failure_class is FailureClass.NETWORK


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(investing_answers.history(*ROWS), investing_answers.page_data(*ROWS), investing_answers.page(*ROWS)))
def test_a_damaged_answer_fails_with_a_class_or_reads(body: bytes) -> None:
    for parse in (parse_history, parse_history_page):
        with contextlib.suppress(ScrapeError):
            rows = parse(body, HOST)
            if rows:
                orjson.dumps(describe_history("x", rows, "http://x"))


def test_every_value_of_the_recorded_page_data_reads_as_expected() -> None:
    name = "historicalDataStore_next_data_20260627.json"
    rows, wanted = parse_history(recording("investing", name), HOST), expected("investing", name)
    assert len(rows) == wanted["rows"]
    assert (rows[0].day > rows[-1].day) == wanted["newest_first"]
    by_day = {row.day.isoformat(): row for row in rows}
    days = [key for key in wanted if key[:2] == "20"]
    assert len(days) == 2
    for day in days:
        assert {field: getattr(by_day[day], field) for field in wanted[day]} == wanted[day]


def test_the_recorded_challenge_is_a_block() -> None:
    name = "cloudflare_challenge_403_excerpt.html"
    assert expected("investing", name)["expect"] == "Blocked"
    assert refusal(recording("investing", name)).failure_class is FailureClass.BLOCKED
