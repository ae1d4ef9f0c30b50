import contextlib
from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers, cotahist

from pregao.domain.clock import MARKET_ZONE
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.b3_cotahist import CotahistDay, parse_cotahist, parse_record, read_archive
from pregao.scrapers.builtin.b3_quote import DelayedQuote, parse_quote
from pregao.scrapers.builtin.b3_result import describe_quote, describe_rows

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

DAY = date(2026, 10, 5)
SHARE = cotahist.record("SMPL4", DAY)
CALL = cotahist.record(
    "SMPLK312", DAY, bdi="78", market="070", term="000", close=1706, bid=0, strike=3016, expiry="20261119"
)
TERMS = (
    cotahist.record("SMPL4T", DAY, bdi="62", market="030", term="030", close=3030, volume=100_00),
    cotahist.record("SMPL4T", DAY, bdi="62", market="030", term="090", close=3090, volume=900_00),
)
TEXT = cotahist.text(DAY, SHARE, CALL, *TERMS)


def opened() -> CotahistDay:
    return parse_cotahist(TEXT)


def quoted(body: bytes, ticker: str = "SMPL4") -> DelayedQuote:
    quote = parse_quote(body, ticker)
    assert quote is not None
    return quote


def test_a_file_knows_its_session_and_finds_rows_by_ticker() -> None:
    file = opened()
    assert (file.day, file.records, len(file)) == (DAY, 6, 3)
    row = file.rows("SMPL4")[0]
    assert (row.ticker, row.open, row.high, row.low, row.avg, row.close) == ("SMPL4", 30.0, 30.5, 29.5, 30.05, 30.1)
    assert (row.bid, row.ask, row.trades, row.qty, row.volume_brl) == (30.1, 30.14, 1000, 250_000, 7_525_000.0)
    assert (row.name, row.spec, row.isin, row.bdi, row.market) == (
        "SAMPLE CO",
        "PN      N2",
        "BRSMPLACNPR6",
        "02",
        "cash",
    )


def test_a_ticker_that_did_not_trade_has_no_rows() -> None:
    assert opened().rows("NONE3") == ()
    assert opened().rows("ÇÉ€") == ()


def test_an_option_has_strike_and_expiry_and_zero_means_no_offer() -> None:
    row = opened().rows("SMPLK312")[0]
    assert (row.option_type, row.strike, row.expiry, row.bid) == ("call", 30.16, date(2026, 11, 19), None)
    share = opened().rows("SMPL4")[0]
    assert (share.option_type, share.strike, share.expiry, share.term_days) == (None, None, None, None)


def test_a_ticker_may_have_several_rows_that_differ_by_term() -> None:
    assert [row.term_days for row in opened().rows("SMPL4T")] == [30, 90]


def test_prices_are_for_one_share_when_b3_quotes_a_thousand() -> None:
    assert parse_record(cotahist.record("SMPL3", DAY, close=1234, factor=1000)).close == 0.01234


def test_lines_may_end_without_a_carriage_return() -> None:
    text = cotahist.text(DAY, SHARE, newline=b"\n")
    assert parse_cotahist(text).records == parse_cotahist(text.rstrip(b"\n")).records == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "header"),
        (TEXT[247:], "header"),
        (TEXT[:-247], "trailer"),
        (TEXT[:-100], "trailer"),
        (cotahist.text(DAY, SHARE, count=4), "counts 4 records, and 3 are there"),
        (cotahist.text(DAY), "no quotations"),
        (cotahist.text(DAY, b"99" + SHARE[2:]), "not a quotation"),
    ],
)
def test_an_incomplete_file_is_invalid_and_may_be_fetched_again(text: bytes, problem: str) -> None:
    with pytest.raises(ScrapeError, match=problem) as caught:
        parse_cotahist(text)
    assert caught.value.failure_class is FailureClass.VALIDATION
    assert caught.value.retryable


def test_a_field_that_is_no_number_is_named() -> None:
    with pytest.raises(ScrapeError, match="PREULT"):
        parse_record(SHARE[:110] + b"x" + SHARE[111:])


def test_an_archive_holds_the_file() -> None:
    assert read_archive(cotahist.archive(DAY, SHARE)).rows("SMPL4")[0].close == 30.1


def test_an_archive_that_ends_too_early_is_invalid() -> None:
    content = cotahist.archive(DAY, SHARE, CALL)
    with pytest.raises(ScrapeError) as caught:
        read_archive(content[: len(content) // 2])
    assert caught.value.failure_class is FailureClass.VALIDATION


def test_a_page_in_place_of_the_archive_is_a_block() -> None:
    with pytest.raises(ScrapeError) as caught:
        read_archive(answers.PAGE)
    assert caught.value.failure_class is FailureClass.BLOCKED


def test_end_of_day_data_is_flat_and_for_the_close() -> None:
    data = describe_rows(opened().rows("SMPLK312"), "http://x")
    assert (data["kind"], data["price"], data["close"]) == ("end_of_day", 17.06, 17.06)
    assert (data["date"], data["expiry"], data["option_type"]) == ("2026-10-05", "2026-11-19", "call")
    assert data["as_of"] == "2026-10-05T17:00:00.000-03:00"
    assert data["currency"] == "BRL"
    assert orjson.loads(orjson.dumps(data)) == data


def test_the_forward_with_the_largest_volume_leads_and_all_terms_are_listed() -> None:
    data = describe_rows(opened().rows("SMPL4T"), "http://x")
    assert data["price"] == 30.9
    assert data["terms"] == [
        {"term_days": 30, "close": 30.3, "qty": 250_000, "volume_brl": 100.0},
        {"term_days": 90, "close": 30.9, "qty": 250_000, "volume_brl": 900.0},
    ]


def test_a_delayed_quote_is_for_a_quarter_of_an_hour_before_the_answer() -> None:
    quote = quoted(answers.quote("SMPL4", datetime(2026, 10, 5, 12, 37, 5)))
    assert (quote.price, quote.open, quote.change_pct, quote.trades) == (30.1, 30.0, -0.69, 4890)
    assert quote.as_of == datetime(2026, 10, 5, 15, 22, 5, tzinfo=UTC)
    assert describe_quote(quote, "http://x")["as_of"] == "2026-10-05T12:22:05.000-03:00"


@pytest.mark.parametrize(
    "answered", [datetime(2026, 10, 12, 12), datetime(2026, 10, 13, 10, 5), datetime(2026, 10, 10)]
)
def test_a_quote_answered_on_a_holiday_is_for_the_last_close(answered: datetime) -> None:
    assert quoted(answers.quote("SMPL4", answered)).as_of == datetime(2026, 10, 9, 17, tzinfo=MARKET_ZONE)


def test_both_kinds_of_data_have_the_same_keys() -> None:
    quote = describe_quote(quoted(answers.quote("SMPL4", datetime(2026, 10, 5, 12))), "http://x")
    assert quote.keys() == describe_rows(opened().rows("SMPL4"), "http://x").keys()


def test_no_quotation_is_none() -> None:
    assert parse_quote(answers.NO_QUOTE, "SMPL4") is None


def test_a_price_of_zero_is_no_quotation() -> None:
    assert parse_quote(changed(curPrc=0), "SMPL4") is None


@pytest.mark.parametrize(("trades", "failure_class"), [(0, FailureClass.NOT_FOUND), (5, FailureClass.VALIDATION)])
def test_a_record_without_a_closing_price_is_no_success(trades: int, failure_class: FailureClass) -> None:
    record = cotahist.record("SMPL4", DAY, trades=trades)
    row = parse_record(record[:108] + b"0" * 13 + record[121:])
    with pytest.raises(ScrapeError) as caught:
        describe_rows((row,), "http://x")
    assert caught.value.failure_class is failure_class


def test_a_record_of_another_day_than_the_file_is_invalid() -> None:
    file = parse_cotahist(cotahist.text(DAY, SHARE, cotahist.record("OTHR3", date(2026, 10, 2))))
    assert file.rows("SMPL4")
    with pytest.raises(ScrapeError, match="OTHR3 is of 2026-10-02") as caught:
        file.rows("OTHR3")
    assert caught.value.failure_class is FailureClass.VALIDATION


@pytest.mark.parametrize("field", ["opngPric", "maxPric", "prcFlcn", "ttlQty", "desc"])
def test_a_key_of_a_quote_that_is_absent_is_named(field: str) -> None:
    body = answers.quote("SMPL4", datetime(2026, 10, 5, 12)).replace(f'"{field}"'.encode(), b'"renamed"')
    with pytest.raises(ScrapeError, match=f"`{field}` is missing"):
        parse_quote(body, "SMPL4")


def test_a_price_below_zero_is_invalid() -> None:
    with pytest.raises(ScrapeError, match="not a price"):
        parse_quote(changed(curPrc=-5), "SMPL4")


def changed(**prices: object) -> bytes:
    document = orjson.loads(answers.quote("SMPL4", datetime(2026, 10, 5, 12)))
    document["Trad"][0]["scty"]["SctyQtn"].update(prices)
    return orjson.dumps(document)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "not JSON"),
        (b"[]", "BizSts.cd"),
        (b'{"BizSts":{"cd":"OK"},"Msg":{},"Trad":[]}', "SctyQtn"),
        (changed(curPrc=None), "curPrc"),
        (changed(curPrc="30,10"), "curPrc"),
        (changed(maxPric=True), "maxPric"),
        (answers.quote("SMPL3", datetime(2026, 10, 5, 12)), "'SMPL3', not of SMPL4"),
        (answers.quote("SMPL4", datetime(2026, 10, 5, 12)).replace(b"2026-10-05", b"yesterday "), "Msg.dtTm"),
    ],
)
def test_a_quote_that_is_not_the_format_says_what_is_missing(body: bytes, problem: str) -> None:
    with pytest.raises(ScrapeError, match=problem) as caught:
        parse_quote(body, "SMPL4")
    assert caught.value.failure_class is FailureClass.VALIDATION


def test_an_empty_answer_is_a_failure_that_passes() -> None:
    with pytest.raises(ScrapeError) as caught:
        parse_quote(b"", "SMPL4")
    assert caught.value.failure_class is FailureClass.NETWORK


QUOTE = answers.quote("SMPL4", datetime(2026, 10, 5, 12))
ARCHIVE = cotahist.archive(DAY, SHARE, CALL)


def reads_or_fails(text: bytes) -> None:
    try:
        file = parse_cotahist(text)
        for ticker in ("SMPL4", "SMPLK312", "SMPL4T"):
            file.rows(ticker)
    except ScrapeError:
        pass


def unpacks_or_fails(content: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        read_archive(content)


def quotes_or_fails(body: bytes) -> None:
    try:
        quote = parse_quote(body, "SMPL4")
        if quote is not None:
            describe_quote(quote, "http://x")
    except ScrapeError:
        pass


@STEADY
@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)))
def test_a_truncated_file_fails_with_a_class(start: int, end: int) -> None:
    reads_or_fails(TEXT[start:end])
    reads_or_fails(TEXT[:end])


@STEADY
@given(st.permutations(TEXT.split(b"\r\n")))
def test_shuffled_records_fail_with_a_class(records: list[bytes]) -> None:
    reads_or_fails(b"\r\n".join(records))


@STEADY
@given(st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.integers(0, 255)), max_size=40))
def test_a_file_with_wrong_bytes_fails_with_a_class(changes: list[tuple[int, int]]) -> None:
    text = bytearray(TEXT)
    for at, value in changes:
        text[at] = value
    reads_or_fails(bytes(text))
    reads_or_fails(TEXT.decode("latin-1").encode("utf-16"))


@STEADY
@given(
    st.lists(st.tuples(st.integers(0, len(ARCHIVE) - 1), st.integers(0, 255)), max_size=10),
    st.integers(0, len(ARCHIVE)),
)
def test_a_damaged_archive_fails_with_a_class(changes: list[tuple[int, int]], end: int) -> None:
    content = bytearray(ARCHIVE)
    for at, value in changes:
        content[at] = value
    unpacks_or_fails(bytes(content))
    unpacks_or_fails(bytes(content[:end]))


@STEADY
@given(st.lists(st.tuples(st.integers(0, len(QUOTE) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(QUOTE)))
def test_a_damaged_quote_fails_with_a_class(changes: list[tuple[int, int]], end: int) -> None:
    body = bytearray(QUOTE)
    for at, value in changes:
        body[at] = value
    quotes_or_fails(bytes(body))
    quotes_or_fails(QUOTE[:end])


@STEADY
@given(st.datetimes())
def test_a_quote_answered_at_any_time_has_a_market_time_or_fails_with_a_class(answered: datetime) -> None:
    quotes_or_fails(answers.quote("SMPL4", answered + timedelta()))


@STEADY
@given(st.permutations(list(QUOTE)))
def test_a_shuffled_quote_fails_with_a_class(letters: list[int]) -> None:
    quotes_or_fails(bytes(letters))
