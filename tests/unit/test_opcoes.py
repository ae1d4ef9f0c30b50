"""Option chains: the official ones out of the end-of-day file, and the grid of opcoes.net.br."""

import contextlib
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers, cotahist, option_grids
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.b3_cotahist import CotahistDay, parse_cotahist, parse_record, read_archive
from pregao.scrapers.builtin.opcoes import chain_of
from pregao.scrapers.builtin.opcoes_chain import MAX_OPTIONS, Option, describe_chain, option_of
from pregao.scrapers.builtin.opcoes_grid import parse_expiries, parse_grid, spot_of

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

DAY = date(2026, 10, 5)
NOVEMBER, DECEMBER = "20261119", "20261217"


def series(ticker: str, strike: int, expiry: str = NOVEMBER, *, put: bool = False, **values: Any) -> bytes:
    market, bdi = ("080", "82") if put else ("070", "78")
    return cotahist.record(
        ticker, DAY, market=market, bdi=bdi, term="000", strike=strike, expiry=expiry, **{"name": "SMPLE", **values}
    )


SHARE = cotahist.record("SMPL4", DAY, close=3010)
CHAIN = (
    series("SMPLK300", 3000, close=150, volume=900_00),
    series("SMPLK310", 3100, close=90, volume=100_00, name="SMPL"),
    series("SMPLW300", 3000, put=True, close=140, volume=500_00, bid=0),
    series("SMPLX280", 2800, DECEMBER, put=True, close=60, volume=200_00),
)
OF_THE_ORDINARY = series("SMPLK320", 3200, isin="BRSMPLACNOR9")


def file_of(*records: bytes) -> CotahistDay:
    return parse_cotahist(cotahist.text(DAY, *records))


def failure_of(file: CotahistDay, ticker: str) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        chain_of(file, ticker)
    return caught.value


def test_a_chain_is_of_one_paper_even_where_others_share_the_letters() -> None:
    data = chain_of(file_of(SHARE, *CHAIN, OF_THE_ORDINARY), "SMPL4")
    assert (data["underlying"], data["isin"], data["spot"]) == ("SMPL4", "BRSMPLACNPR6", 30.1)
    assert (data["series"], data["calls"], data["puts"]) == (4, 2, 2)
    assert "SMPLK320" not in [option["ticker"] for option in data["options"]]


def test_a_chain_sums_up_its_turnover() -> None:
    data = chain_of(file_of(SHARE, *CHAIN), "SMPL4")
    assert (data["call_volume_brl"], data["put_volume_brl"]) == (1000.0, 700.0)
    assert (data["put_call_volume_ratio"], data["put_call_series_ratio"]) == (0.7, 1.0)
    assert data["trades"] == 4000


def test_a_chain_is_at_the_money_where_its_next_expiry_is_nearest_to_the_price() -> None:
    data = chain_of(file_of(SHARE, *CHAIN), "SMPL4")
    assert (data["next_expiry"], data["days_to_next_expiry"], data["atm_strike"]) == ("2026-11-19", 45, 30.0)
    assert (data["atm_call"], data["atm_call_price"]) == ("SMPLK300", 1.5)
    assert (data["atm_put"], data["atm_put_price"]) == ("SMPLW300", 1.4)


def test_a_chain_counts_each_expiry() -> None:
    assert chain_of(file_of(SHARE, *CHAIN), "SMPL4")["expiries"] == [
        {"expiry": "2026-11-19", "calls": 2, "puts": 1, "volume_brl": 1500.0},
        {"expiry": "2026-12-17", "calls": 0, "puts": 1, "volume_brl": 200.0},
    ]


def test_the_options_are_listed_by_expiry_kind_and_strike() -> None:
    options = chain_of(file_of(SHARE, *reversed(CHAIN)), "SMPL4")["options"]
    assert [option["ticker"] for option in options] == ["SMPLK300", "SMPLK310", "SMPLW300", "SMPLX280"]
    assert [option["style"] for option in options] == ["european", "american", "european", "european"]
    assert (options[2]["bid"], options[2]["ask"], options[2]["last"]) == (None, 1.44, 1.4)


def test_no_more_options_are_listed_than_allowed_and_the_busiest_stay() -> None:
    many = [series(f"SMPLK{n}", 1000 + n, volume=n * 100) for n in range(1000, 1000 + MAX_OPTIONS + 50)]
    data = chain_of(file_of(SHARE, *many), "SMPL4")
    assert (data["series"], len(data["options"]), data["options_left_out"]) == (MAX_OPTIONS + 50, MAX_OPTIONS, 50)
    assert "SMPLK1000" not in [option["ticker"] for option in data["options"]]
    assert orjson.loads(orjson.dumps(data)) == data


def test_an_index_has_a_chain_without_a_price() -> None:
    index = cotahist.record(
        "IBOVK140", DAY, market="070", strike=140_000_00, expiry=NOVEMBER, name="IBOVE", isin="BRIBOVINDM18"
    )
    data = chain_of(file_of(SHARE, index), "IBOV")
    assert (data["isin"], data["spot"], data["atm_strike"], data["calls"]) == ("BRIBOVINDM18", None, None, 1)
    assert (data["put_volume_brl"], data["put_call_volume_ratio"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ((SHARE,), "no option on SMPL4 traded on 2026-10-05"),
        ((cotahist.record("OTHR3", DAY),), "do not exist"),
        ((*CHAIN, OF_THE_ORDINARY), "options on 2 papers"),
    ],
)
def test_a_paper_without_a_chain_is_not_found(records: tuple[bytes, ...], words: str) -> None:
    error = failure_of(file_of(*records), "SMPL4")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert words in str(error)


def test_a_paper_that_did_not_trade_has_the_only_chain_of_its_letters() -> None:
    data = chain_of(file_of(*CHAIN), "SMPL4")
    assert (data["spot"], data["series"]) == (None, 4)


# --- the grid

GRID = option_grids.grid(option_grids.row("SMPLK300"), option_grids.row("SMPLW310", "PUT", strike=31.0))
EXPIRY = date(2026, 11, 19)


def test_the_expiries_of_a_grid_are_sorted_and_a_paper_without_options_has_none() -> None:
    assert parse_expiries(option_grids.expiries("2026-12-17", "2026-11-19")) == (date(2026, 11, 19), date(2026, 12, 17))
    assert parse_expiries(option_grids.expiries()) == ()


@pytest.mark.parametrize("columns", [None, "columns", "colunas", "aoColumns"])
def test_a_grid_reads_the_same_wherever_its_columns_are_named(columns: str | None) -> None:
    body = option_grids.grid(option_grids.row("SMPLK300"), columns=columns)
    assert parse_grid(body, EXPIRY) == (
        Option("SMPLK300", "call", "european", 30.0, EXPIRY, 1.5, date(2026, 10, 5), 12, 1500.0),
    )


def test_rows_may_be_objects_and_columns_may_change_places() -> None:
    row = dict(zip(option_grids.TITLES, option_grids.row("SMPLK300"), strict=True))
    row |= {"Último": "1,50", "Tipo": "call", "Vol. Financeiro": None}
    moved = {"columns": [{"title": title} for title in reversed(row)]}
    document = {"success": True, "data": {**moved, "cotacoesOpcoes": [list(reversed(row.values()))]}}
    assert parse_grid(option_grids.grid(row), EXPIRY)[0].strike == 30.0
    (option,) = parse_grid(orjson.dumps(document), EXPIRY)
    assert (option.ticker, option.option_type, option.strike, option.last, option.volume_brl) == (
        "SMPLK300",
        "call",
        30.0,
        1.5,
        None,
    )


def test_a_series_that_never_traded_has_no_price() -> None:
    (option,) = parse_grid(option_grids.grid(option_grids.row("SMPLK300", last=0, traded=None, volume=None)), EXPIRY)
    assert (option.last, option.traded_on, option.volume_brl) == (None, None, None)


def test_the_price_of_the_paper_follows_from_the_distances() -> None:
    assert spot_of(GRID) == 30.0
    assert spot_of(option_grids.grid()) is None


@pytest.mark.parametrize(
    ("body", "failure_class"),
    [
        (b"", FailureClass.NETWORK),
        (answers.PAGE, FailureClass.BLOCKED),
        (answers.CHALLENGE, FailureClass.BLOCKED),
        (b"[]", FailureClass.VALIDATION),
        (b"{}", FailureClass.VALIDATION),
        (b'{"success":false,"message":"ativo?"}', FailureClass.ERROR),
        (b'{"success":true,"data":[]}', FailureClass.VALIDATION),
        (b'{"success":true,"data":{}}', FailureClass.VALIDATION),
        (option_grids.grid(["SMPLK300_2026", "", "CALL"]), FailureClass.VALIDATION),
        (option_grids.grid(option_grids.row("SMPLK300", "ANY")), FailureClass.VALIDATION),
        (option_grids.grid(option_grids.row("SMPLK300", strike=0.0)), FailureClass.VALIDATION),
        (option_grids.grid("SMPLK300"), FailureClass.VALIDATION),
        (option_grids.grid(["x"], columns="columns"), FailureClass.VALIDATION),
    ],
)
def test_what_is_no_grid_has_a_class(body: bytes, failure_class: FailureClass) -> None:
    with pytest.raises(ScrapeError) as caught:
        parse_grid(body, EXPIRY)
    assert caught.value.failure_class is failure_class


def test_a_grid_without_a_needed_column_says_which() -> None:
    document = {"success": True, "data": {"columns": [{"title": "Ticker"}, {"title": "Tipo"}], "cotacoesOpcoes": []}}
    with pytest.raises(
        ScrapeError, match="no column for style, strike, distance, last, trades, volume, traded_on, only ticker, tipo"
    ):
        parse_grid(orjson.dumps(document), EXPIRY)


@pytest.mark.parametrize("value", [None, "tomorrow", 5, {"value": 7}])
def test_an_expiry_that_is_no_date_is_not_the_format(value: object) -> None:
    with pytest.raises(ScrapeError, match="expiry"):
        parse_expiries(orjson.dumps({"success": True, "data": {"vencimentos": [value]}}))


# --- against the recordings

NAME = "COTAHIST_D25062021_options_PETR_VALE_ITUB.TXT"


def recorded_options() -> dict[str, Option]:
    records = [parse_record(line) for line in recording("opcoes", NAME).split(b"\r\n") if line.startswith(b"01")]
    return {option.ticker: option for option in map(option_of, records) if option is not None}


def test_the_recorded_series_are_counted_as_by_hand() -> None:
    options = recorded_options().values()
    found = {
        root: {
            kind: sum(option.option_type == kind and option.ticker.startswith(root) for option in options)
            for kind in ("call", "put")
        }
        for root in ("PETR", "VALE", "ITUB")
    }
    assert found == expected("opcoes", NAME)["rows"]


def test_the_recorded_chain_of_one_paper_is_split_from_its_sibling_by_isin() -> None:
    wanted = expected("opcoes", NAME)["PETR4_chain_by_isin_BRPETRACNPR6"]
    data = chain_of(read_archive(recording("b3", "COTAHIST_D25062021.ZIP")), "PETR4")
    assert (data["calls"], data["puts"], data["next_expiry"]) == (
        wanted["call"],
        wanted["put"],
        wanted["first_expiry"],
    )
    assert (data["isin"], data["spot"]) == ("BRPETRACNPR6", 29.1)


@pytest.mark.parametrize("ticker", ["PETRG304", "PETRS304", "PETRG75"])
def test_a_recorded_series_reads_as_by_hand(ticker: str) -> None:
    option, wanted = recorded_options()[ticker], expected("opcoes", NAME)[ticker]
    (shown,) = describe_chain([option], date(2021, 6, 25), None)["options"]
    renamed = {"kind": "option_type", "close": "last"}
    for key, value in wanted.items():
        if key == "style":
            assert value.startswith(shown["style"])
        else:
            assert shown[renamed.get(key, key)] == (value or None), key


# --- whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.dictionaries(
            st.sampled_from(["success", "data", "columns", "cotacoesOpcoes", "vencimentos", "value", "title", "Strike"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


def reads_or_fails(body: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        parse_expiries(body)
    with contextlib.suppress(ScrapeError):
        spot_of(body)
    with contextlib.suppress(ScrapeError):
        options = parse_grid(body, EXPIRY)
        orjson.dumps(describe_chain(options, DAY, 30.0))


@STEADY
@given(st.binary(max_size=200) | st.integers(0, len(GRID)).map(lambda end: GRID[:end]))
def test_any_bytes_fail_with_a_class(body: bytes) -> None:
    reads_or_fails(body)


@STEADY
@given(st.permutations(list(GRID)))
def test_a_shuffled_grid_fails_with_a_class(letters: list[int]) -> None:
    reads_or_fails(bytes(letters))


@STEADY
@given(JSON)
def test_any_json_fails_with_a_class(document: object) -> None:
    reads_or_fails(orjson.dumps(document))
    reads_or_fails(orjson.dumps({"success": True, "data": document}))


@STEADY
@given(st.lists(st.lists(JSON, min_size=12, max_size=18) | JSON, max_size=3), st.sampled_from([None, "columns"]))
def test_any_rows_fail_with_a_class(rows: list[object], columns: str | None) -> None:
    reads_or_fails(option_grids.grid(*rows, columns=columns))


@STEADY
@given(st.lists(st.tuples(st.integers(0, 246), st.integers(0, 255)), max_size=10))
def test_a_damaged_option_record_fails_with_a_class(changes: list[tuple[int, int]]) -> None:
    text = bytearray(cotahist.text(DAY, SHARE, *CHAIN))
    for at, value in changes:
        text[2 * 247 + at] = value
    with contextlib.suppress(ScrapeError):
        orjson.dumps(chain_of(parse_cotahist(bytes(text)), "SMPL4"))
