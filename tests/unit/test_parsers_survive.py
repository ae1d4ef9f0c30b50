"""Whatever a source sends, its parser gives a result or a ScrapeError with a class: never another exception."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers, coins, cotahist, option_grids, scans, stand_ins

from pregao.domain.errors import ScrapeError
from pregao.scrapers.builtin import bcb_ptax, bcb_sgs, bcb_soap, opcoes_grid, tradingview_scan
from pregao.scrapers.builtin.b3_brapi import parse_brapi
from pregao.scrapers.builtin.b3_company import parse_detail, parse_supplement
from pregao.scrapers.builtin.b3_cotahist import parse_cotahist, read_archive
from pregao.scrapers.builtin.b3_quote import parse_quote
from pregao.scrapers.builtin.b3_yahoo import parse_chart
from pregao.scrapers.builtin.coinmarketcap_coingecko import parse_markets, parse_price
from pregao.scrapers.builtin.coinmarketcap_quotes import parse_listing, parse_quotes

MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DAY = date(2026, 10, 5)
RECORDS = (
    cotahist.record("SMPL4", DAY),
    cotahist.record("SMPLK300", DAY, market="070", strike=3000, expiry="20261119"),
)

PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "sgs": (bcb_sgs.parse_sgs, answers.sgs_days(DAY, "14.00", "13.75")),
    "sgs refusal": (bcb_sgs.parse_sgs_refusal, answers.SGS_NO_VALUES),
    "ptax": (bcb_ptax.parse_ptax, answers.ptax((DAY, 5.2))),
    "soap": (lambda body: bcb_soap.parse_soap(body, 433), answers.soap(433, ("8/2026", "-0.32"))),
    "cotahist": (parse_cotahist, cotahist.text(DAY, *RECORDS)),
    "archive": (read_archive, cotahist.archive(DAY, *RECORDS)),
    "quotation": (lambda body: parse_quote(body, "SMPL4"), answers.quote("SMPL4", datetime(2026, 10, 5, 12))),
    "yahoo": (
        lambda body: parse_chart(body, "SMPL4"),
        stand_ins.chart("SMPL4", datetime(2026, 10, 5, 15, tzinfo=UTC), stand_ins.BAR, None),
    ),
    "brapi": (lambda body: parse_brapi(body, "SMPL4"), stand_ins.brapi("SMPL4")),
    "supplement": (lambda body: parse_supplement(body, "SMPL"), stand_ins.SUPPLEMENT),
    "detail": (lambda body: parse_detail(body, "SMPL"), stand_ins.DETAIL),
    "expiries": (opcoes_grid.parse_expiries, option_grids.expiries("2026-11-19")),
    "grid": (
        lambda body: opcoes_grid.parse_grid(body, DAY),
        option_grids.grid(option_grids.row("SMPLK300"), columns="columns"),
    ),
    "quotes": (lambda body: parse_quotes(body, "SMP"), coins.quotes({"SMP": [coins.coin("SMP")]})),
    "listing": (lambda body: parse_listing(body).find("SMP"), coins.listing(coins.listed("SMP"))),
    "markets": (lambda body: parse_markets(body, "usd").find("SMP"), coins.markets(coins.traded("SMP"))),
    "price": (lambda body: parse_price(body, "sample", "usd"), b'{"sample":{"usd":50000.5}}'),
    "scan": (
        lambda body: tradingview_scan.signals_of(
            tradingview_scan.parse_scan(body, tradingview_scan.COLUMNS), "BMFBOVESPA:SMPL4"
        ),
        scans.scan(scans.row("BMFBOVESPA:SMPL4")),
    ),
}
EACH = pytest.mark.parametrize("name", PARSERS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def survives(name: str, body: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        PARSERS[name][0](body)


@EACH
def test_the_sample_itself_reads(name: str) -> None:
    parse, sample = PARSERS[name]
    assert parse(sample)


@EACH
@MANY
@given(data=st.data())
def test_a_truncated_answer(name: str, data: st.DataObject) -> None:
    sample = PARSERS[name][1]
    start, end = data.draw(st.integers(0, len(sample))), data.draw(st.integers(0, len(sample)))
    survives(name, sample[:end])
    survives(name, sample[start:])


@EACH
@MANY
@given(data=st.data())
def test_an_answer_whose_parts_are_shuffled(name: str, data: st.DataObject) -> None:
    sample, size = PARSERS[name][1], data.draw(st.integers(1, 60))
    parts = [sample[at : at + size] for at in range(0, len(sample), size)]
    survives(name, b"".join(data.draw(st.permutations(parts))))


@EACH
@MANY
@given(data=st.data())
def test_an_answer_with_wrong_bytes(name: str, data: st.DataObject) -> None:
    body = bytearray(PARSERS[name][1])
    places = st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255))
    for at, value in data.draw(st.lists(places, min_size=1, max_size=8)):
        body[at] = value
    survives(name, bytes(body))


@EACH
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp500", "utf-7"])
def test_an_answer_in_another_encoding(name: str, encoding: str) -> None:
    text = PARSERS[name][1].decode("latin-1")
    survives(name, text.encode(encoding))
    survives(name, text.replace("S", "Ş").encode(encoding, "replace"))
    survives(name, text.replace("a", "á").encode("latin-1"))


@EACH
@MANY
@given(body=st.binary(max_size=400))
def test_any_bytes(name: str, body: bytes) -> None:
    survives(name, body)


@EACH
@MANY
@given(document=JSON)
def test_any_json(name: str, document: object) -> None:
    survives(name, orjson.dumps(document, default=str) if _fits(document) else b"{}")


@EACH
@pytest.mark.parametrize("page", [answers.PAGE, answers.CHALLENGE, b"", b" ", b"null", b"0", b"Bad gateway", b"<"])
def test_what_stands_in_place_of_data_is_no_success(name: str, page: bytes) -> None:
    if name == "sgs refusal":
        assert PARSERS[name][0](page) == ""
        return
    with pytest.raises(ScrapeError):
        PARSERS[name][0](page)


def _fits(document: object) -> bool:
    """Whether JSON can carry it: whole numbers of more than 64 bits cannot be written."""
    try:
        orjson.dumps(document)
    except TypeError:
        return False
    return True
