"""What stands in for B3's own quotes, and B3's company records."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers, stand_ins
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.b3_brapi import parse_brapi
from pregao.scrapers.builtin.b3_company import call_path, describe_company, parse_detail, parse_supplement
from pregao.scrapers.builtin.b3_quote import parse_quote
from pregao.scrapers.builtin.b3_result import describe_brapi, describe_chart, describe_quote
from pregao.scrapers.builtin.b3_yahoo import parse_chart

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOON = datetime(2026, 10, 5, 15, tzinfo=UTC)
CHART = stand_ins.chart("SMPL4", NOON, stand_ins.BAR, None, (30.25, 31.0, 30.0, 30.1, 500))


def failure_of(parse: Callable[[bytes, str], object], body: bytes, name: str = "SMPL4") -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        parse(body, name)
    return caught.value


# --- Yahoo


def test_a_chart_gives_the_day_from_the_bars_that_have_values() -> None:
    data = describe_chart(parse_chart(CHART, "SMPL4"), "http://x")
    assert (data["ticker"], data["kind"], data["price"]) == ("SMPL4", "delayed_quote", 30.1)
    assert (data["open"], data["high"], data["low"], data["qty"]) == (30.0, 31.0, 29.5, 1500)
    assert (data["previous_close"], data["change_brl"], data["change_pct"]) == (30.0, 0.1, 0.3333)
    assert data["as_of"] == "2026-10-05T12:00:00.000-03:00"


@pytest.mark.parametrize("arrays", [True, False])
def test_a_chart_without_bars_still_has_a_price(arrays: bool) -> None:
    data = describe_chart(parse_chart(stand_ins.chart("SMPL4", NOON, arrays=arrays), "SMPL4"), "http://x")
    assert (data["price"], data["open"], data["high"], data["qty"]) == (30.1, None, None, None)


def test_a_price_seen_after_the_close_is_for_the_close() -> None:
    late = datetime(2026, 10, 5, 20, 6, tzinfo=UTC)
    data = describe_chart(parse_chart(stand_ins.chart("SMPL4", late), "SMPL4"), "http://x")
    assert data["as_of"] == "2026-10-05T17:00:00.000-03:00"


def test_a_new_paper_has_no_previous_close_and_no_change() -> None:
    data = describe_chart(parse_chart(stand_ins.chart("SMPL4", NOON, previous=None), "SMPL4"), "http://x")
    assert (data["previous_close"], data["change_pct"]) == (None, None)


def changed_chart(**meta: object) -> bytes:
    document = orjson.loads(CHART)
    document["chart"]["result"][0]["meta"].update(meta)
    return orjson.dumps(document)


@pytest.mark.parametrize(
    ("body", "failure_class", "words"),
    [
        (stand_ins.CHART_NOT_FOUND, FailureClass.NOT_FOUND, "does not know SMPL4.SA"),
        (b'{"chart":{"result":null,"error":{"code":"Unauthorized"}}}', FailureClass.ERROR, "refused"),
        (b"Too Many Requests", FailureClass.RATE_LIMITED, "slow down"),
        (b"", FailureClass.NETWORK, "nothing"),
        (answers.PAGE, FailureClass.BLOCKED, "page"),
        (b"[]", FailureClass.VALIDATION, "chart"),
        (b'{"chart":{"result":[]}}', FailureClass.VALIDATION, "meta"),
        (changed_chart(symbol="SMPL3.SA"), FailureClass.VALIDATION, "'SMPL3.SA', not of SMPL4.SA"),
        (changed_chart(regularMarketPrice=None), FailureClass.VALIDATION, "regularMarketPrice"),
        (changed_chart(regularMarketPrice=0), FailureClass.NOT_FOUND, "no price"),
        (CHART.replace(b'"indicators"', b'"renamed"'), FailureClass.VALIDATION, "indicators.quote"),
        (CHART.replace(b'"high"', b'"renamed"'), FailureClass.VALIDATION, "`high` is missing"),
        (changed_chart(regularMarketPrice="30,1"), FailureClass.VALIDATION, "regularMarketPrice"),
        (changed_chart(regularMarketTime=None), FailureClass.VALIDATION, "regularMarketTime"),
        (changed_chart(regularMarketTime=10**15), FailureClass.VALIDATION, "regularMarketTime"),
        (CHART.replace(b'"volume":[', b'"volume":[7,'), FailureClass.VALIDATION, "one length"),
        (CHART.replace(b'"volume":[1000', b'"volume":[-1'), FailureClass.VALIDATION, "volume"),
    ],
)
def test_what_is_no_chart_has_a_class_and_names_the_fault(body: bytes, failure_class: FailureClass, words: str) -> None:
    error = failure_of(parse_chart, body)
    assert error.failure_class is failure_class
    assert words in str(error)


def test_the_recorded_chart_reads_as_by_hand() -> None:
    name = "yahoo_v8_chart_PETR4.SA_20230306.json"
    chart, wanted = parse_chart(recording("b3", name), "PETR4"), expected("b3", name)
    assert (f"{chart.symbol}.SA", chart.price, chart.previous_close) == (
        wanted["symbol"],
        wanted["price"],
        wanted["prev_close"],
    )
    assert (len(chart.bars), len(chart.traded)) == (wanted["bars"], wanted["valid_bars"])
    assert chart.bars[wanted["null_bar_index"]] is None
    assert (chart.traded[0].open, chart.traded[-1].close) == (wanted["first_open"], wanted["last_close"])
    assert sum(bar.volume for bar in chart.traded) == wanted["volume_sum"]
    assert chart.quoted_at == datetime.fromisoformat(wanted["meta_time_utc"])
    assert describe_chart(chart, "http://x")["as_of"] == "2023-03-06T10:14:36.000-03:00"


def test_the_recorded_chart_without_bars_reads_as_by_hand() -> None:
    name = "yahoo_v8_chart_GRND3.SA_20191021_empty_arrays.json"
    chart, wanted = parse_chart(recording("b3", name), "GRND3"), expected("b3", name)
    assert (chart.price, len(chart.bars)) == (wanted["price"], wanted["bars"])


def test_the_recorded_refusal_of_yahoo_is_not_found() -> None:
    error = failure_of(parse_chart, recording("b3", "yahoo_v8_chart_not_found_404.json"), "XXXX3")
    assert error.failure_class is FailureClass.NOT_FOUND


# --- brapi


def test_a_brapi_quote_keeps_the_change_that_it_was_sent() -> None:
    data = describe_brapi(parse_brapi(stand_ins.brapi("SMPL4"), "SMPL4"), "http://x")
    assert (data["price"], data["previous_close"], data["change_brl"], data["change_pct"]) == (30.1, 29.9, 0.25, 0.84)
    assert (data["qty"], data["price_earnings"], data["market_cap_brl"]) == (1000, 5.0, 1_000_000.0)
    assert (data["name"], data["as_of"]) == ("Sample Co Pfd", "2026-10-05T12:00:00.000-03:00")


def test_all_quotes_have_the_same_keys() -> None:
    own = parse_quote(answers.quote("SMPL4", datetime(2026, 10, 5, 12)), "SMPL4")
    assert own is not None
    assert (
        describe_quote(own, "x").keys()
        == describe_chart(parse_chart(CHART, "SMPL4"), "x").keys()
        == describe_brapi(parse_brapi(stand_ins.brapi("SMPL4"), "SMPL4"), "x").keys()
    )


@pytest.mark.parametrize(
    ("body", "failure_class", "words"),
    [
        (stand_ins.BRAPI_BAD_TOKEN, FailureClass.LOGIN, "BRAPI_TOKEN"),
        ('{"error":true,"message":"Não encontramos a ação XXXX3"}'.encode(), FailureClass.NOT_FOUND, "XXXX3"),
        (b'{"error":true,"message":"try later"}', FailureClass.ERROR, "try later"),
        (b'{"results":[]}', FailureClass.NOT_FOUND, "SMPL4"),
        (b"{}", FailureClass.VALIDATION, "results"),
        (b"[]", FailureClass.VALIDATION, "results"),
        (stand_ins.brapi("SMPL3"), FailureClass.VALIDATION, "SMPL4"),
        (stand_ins.brapi("SMPL4", regularMarketPrice=None), FailureClass.VALIDATION, "regularMarketPrice"),
        (stand_ins.brapi("SMPL4", regularMarketPrice=0), FailureClass.NOT_FOUND, "no price"),
        (stand_ins.brapi("SMPL4").replace(b"DayHigh", b"High"), FailureClass.VALIDATION, "`regularMarketDayHigh` is"),
        (stand_ins.brapi("SMPL4", marketCap="much"), FailureClass.VALIDATION, "marketCap"),
        (stand_ins.brapi("SMPL4", time="now"), FailureClass.VALIDATION, "regularMarketTime"),
        (answers.PAGE, FailureClass.BLOCKED, "page"),
    ],
)
def test_what_is_no_brapi_quote_has_a_class_and_names_the_fault(
    body: bytes, failure_class: FailureClass, words: str
) -> None:
    error = failure_of(parse_brapi, body)
    assert error.failure_class is failure_class
    assert words in str(error)


def test_the_recorded_brapi_quote_reads_as_by_hand_and_is_for_the_session_before_the_holiday() -> None:
    name = "brapi_quote_PETR4_20260604.json"
    quote, wanted = parse_brapi(recording("b3", name), "PETR4"), expected("b3", name)
    data = describe_brapi(quote, "http://x")
    renamed = {
        "symbol": "ticker", "volume": "qty", "change": "change_brl", "prev_close": "previous_close",
        "pl": "price_earnings", "lpa": "earnings_per_share", "market_cap": "market_cap_brl",
    }  # fmt: skip
    for key, value in wanted.items():
        if key == "quote_time_utc":
            assert quote.quoted_at == datetime.fromisoformat(value)
        elif key != "trap":
            assert data[renamed.get(key, key)] == value, key
    assert data["as_of"] == "2026-06-03T17:00:00.000-03:00"


def test_the_recorded_refusal_of_a_token_is_a_login_failure() -> None:
    error = failure_of(parse_brapi, recording("b3", "brapi_error_invalid_token.json"))
    assert error.failure_class is FailureClass.LOGIN


# --- companies


def company() -> dict[str, Any]:
    shares = parse_supplement(stand_ins.SUPPLEMENT, "SMPL")
    return describe_company(shares, parse_detail(stand_ins.DETAIL, "SMPL"), "http://x")


def test_a_companys_record_is_flat_with_brazilian_numbers_read() -> None:
    data = company()
    assert (data["kind"], data["issuer"], data["name"], data["trading_name"]) == (
        "company",
        "SMPL",
        "SAMPLE S.A.",
        "SAMPLE CO",
    )
    assert (data["sector"], data["subsector"], data["segment"]) == ("Consumo", "Bebidas", "Refrigerantes")
    assert (data["capital_brl"], data["common_shares"], data["total_shares"]) == (1_234_567.89, 1_000_000, 3_000_000)
    assert (data["quoted_since"], data["as_of"]) == ("2013-11-01", "2026-10-02T23:05:06.000-03:00")
    assert data["papers"] == [
        {"ticker": "SMPL3", "isin": "BRSMPLACNOR9"},
        {"ticker": "SMPL4", "isin": "BRSMPLACNPR6"},
    ]
    assert data["payments"] == [
        {
            "label": "DIVIDENDO",
            "isin": "BRSMPLACNPR6",
            "rate_brl": 0.1334,
            "approved_on": "2025-12-09",
            "until": "2025-12-17",
            "paid_on": None,
            "related_to": "Anual/2025",
        }
    ]
    assert orjson.loads(orjson.dumps(data)) == data


@pytest.mark.parametrize("body", [b"", b"  \n", b"[]"])
def test_an_empty_answer_is_a_company_that_b3_does_not_list(body: bytes) -> None:
    assert failure_of(parse_supplement, body, "SMPL").failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize(
    ("parse", "body", "words"),
    [
        (parse_supplement, b"{}", "SMPL"),
        (parse_supplement, b'[{"code":"OTHR","codeCVM":"1"}]', "SMPL"),
        (parse_supplement, b'[{"code":"SMPL"}]', "codeCVM"),
        (parse_detail, b"[]", "SMPL"),
        (parse_detail, b'{"issuingCompany":"SMPL"}', "companyName"),
        (parse_detail, b'{"issuingCompany":"SMPL","companyName":"S","lastDate":"today"}', "lastDate"),
    ],
)
def test_a_company_record_in_another_format_names_the_fault(
    parse: Callable[[bytes, str], object], body: bytes, words: str
) -> None:
    error = failure_of(parse, body, "SMPL")
    assert error.failure_class is FailureClass.VALIDATION
    assert words in str(error)


def test_the_path_of_a_call_is_the_recorded_one() -> None:
    assert (
        recording("b3", "GetListedSupplementCompany_unknown_empty200.vcr.yml")
        .decode()
        .count(call_path("GetListedSupplementCompany", issuingCompany="WWWW"))
    )


def test_the_recorded_company_reads_with_both_records() -> None:
    shares = parse_supplement(recording("b3", "GetListedSupplementCompany_ABEV.json"), "ABEV")
    detail = parse_detail(recording("b3", "GetDetail_ABEV_codeCVM23264.json"), "ABEV")
    data = describe_company(shares, detail, "http://x")
    assert (data["code_cvm"], data["cnpj"], data["name"]) == ("23264", "07526557000100", "AMBEV S.A.")
    assert (data["capital_brl"], data["total_shares"]) == (58_130_517_165.22, 15_750_216_851)
    assert data["papers"] == [{"ticker": "ABEV3", "isin": "BRABEVACNOR1"}]
    assert [payment["rate_brl"] for payment in data["payments"]] == [0.1334, 0.4702]
    assert data["as_of"] == "2022-06-06T23:05:06.000-03:00"


# --- whatever comes

SAMPLES = (CHART, stand_ins.brapi("SMPL4"), stand_ins.SUPPLEMENT, stand_ins.DETAIL)
NAMES = [
    "chart",
    "result",
    "meta",
    "results",
    "symbol",
    "code",
    "indicators",
    "quote",
    "error",
    "cashDividends",
    "volume",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.sampled_from(["SMPL4", "SMPL"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def reads_or_fails(body: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        orjson.dumps(describe_chart(parse_chart(body, "SMPL4"), "x"))
    with contextlib.suppress(ScrapeError):
        orjson.dumps(describe_brapi(parse_brapi(body, "SMPL4"), "x"))
    with contextlib.suppress(ScrapeError):
        shares = parse_supplement(body, "SMPL")
        orjson.dumps(describe_company(shares, parse_detail(stand_ins.DETAIL, "SMPL"), "x"))
    with contextlib.suppress(ScrapeError):
        shares = parse_supplement(stand_ins.SUPPLEMENT, "SMPL")
        orjson.dumps(describe_company(shares, parse_detail(body, "SMPL"), "x"))


@STEADY
@given(
    st.binary(max_size=200) | st.sampled_from(SAMPLES).flatmap(lambda s: st.integers(0, len(s)).map(lambda n: s[:n]))
)
def test_any_bytes_fail_with_a_class(body: bytes) -> None:
    reads_or_fails(body)


@STEADY
@given(st.sampled_from(SAMPLES).flatmap(lambda sample: st.permutations(list(sample))))
def test_a_shuffled_answer_fails_with_a_class(letters: list[int]) -> None:
    reads_or_fails(bytes(letters))


@STEADY
@given(st.sampled_from(SAMPLES), st.data())
def test_an_answer_with_other_values_fails_with_a_class(sample: bytes, data: st.DataObject) -> None:
    document = orjson.loads(sample)
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JSON)
        break
    reads_or_fails(orjson.dumps(document))


@STEADY
@given(JSON)
def test_any_json_fails_with_a_class(document: object) -> None:
    reads_or_fails(orjson.dumps(document))
