"""The recorded files and answers of B3 against what was read from them by hand."""

from collections import Counter
from typing import Any

import pytest
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.scrapers.builtin.b3_cotahist import CotahistRow, parse_cotahist, parse_record, read_archive
from pregao.scrapers.builtin.b3_quote import parse_quote
from pregao.scrapers.builtin.b3_result import describe_quote, describe_rows

FULL_DAY = "COTAHIST_D25062021.ZIP"
EXCERPTS = ("COTAHIST_D25062021_excerpt.TXT", "COTAHIST_D01092026_excerpt.TXT")


def rows_of(name: str) -> dict[str, list[CotahistRow]]:
    found: dict[str, list[CotahistRow]] = {}
    for line in recording("b3", name).split(b"\r\n"):
        if line.startswith(b"01"):
            row = parse_record(line)
            found.setdefault(row.ticker, []).append(row)
    return found


def agrees(data: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key, value in wanted.items():
        if key == "kind":
            assert data["option_type"] == value
        elif key not in ("rows", "prazos", "note"):
            assert data[key] == value, key


@pytest.mark.parametrize("name", EXCERPTS)
def test_every_recorded_quotation_reads_as_expected(name: str) -> None:
    rows, wanted = rows_of(name), expected("b3", name)
    tickers = [ticker for ticker, value in wanted.items() if isinstance(value, dict)]
    assert tickers
    for ticker in tickers:
        data: dict[str, Any] = describe_rows(tuple(rows[ticker]), "http://x")
        agrees(data, wanted[ticker])


def test_recorded_forwards_share_a_code_and_differ_by_term() -> None:
    wanted = expected("b3", EXCERPTS[0])["PETR4T"]
    rows = rows_of(EXCERPTS[0])["PETR4T"]
    assert len(rows) == wanted["rows"]
    assert [f"{row.term_days:03d}" for row in rows] == wanted["prazos"]


@pytest.mark.parametrize("name", EXCERPTS)
def test_a_recorded_excerpt_does_not_pass_for_a_whole_file(name: str) -> None:
    with pytest.raises(ScrapeError, match="counts"):
        parse_cotahist(recording("b3", name))


def test_the_recorded_full_day_is_complete() -> None:
    file, wanted = read_archive(recording("b3", FULL_DAY)), expected("b3", FULL_DAY)
    assert file.records == wanted["trailer_count"]
    assert file.day.isoformat() == wanted["header_date"]


def test_every_record_of_the_recorded_full_day_reads() -> None:
    file, wanted = read_archive(recording("b3", FULL_DAY)), expected("b3", FULL_DAY)
    rows = [row for ticker in file.tickers() for row in file.rows(ticker)]
    assert len(rows) == wanted["quote_records"]
    assert Counter(row.tpmerc for row in rows) == wanted["by_tpmerc"]
    bdi = Counter(row.bdi for row in rows)
    assert {code: bdi[code] for code in wanted["bdi"]} == wanted["bdi"]


def test_the_recorded_full_day_agrees_with_its_excerpt() -> None:
    file, wanted = read_archive(recording("b3", FULL_DAY)), expected("b3", EXCERPTS[0])
    for ticker in ("PETR4", "VALE3", "KLBN11", "ITUB4", "MGLU3", "PETR4F"):
        agrees(describe_rows(file.rows(ticker), "http://x"), wanted[ticker])


def test_the_recorded_delayed_quote_reads_as_expected() -> None:
    name = "instrumentQuotation_ELET3_20191024.json"
    quote, wanted = parse_quote(recording("b3", name), "ELET3"), expected("b3", name)
    assert quote is not None
    data = describe_quote(quote, "http://x")
    agrees(data, {key: value for key, value in wanted.items() if key != "symbol"})
    assert data["ticker"] == wanted["symbol"]
    assert data["as_of"] == "2019-10-24T12:22:05.000-03:00"


def test_the_recorded_refusal_is_no_quotation() -> None:
    assert parse_quote(recording("b3", "instrumentQuotation_NOK_20240305.json"), "XXXX3") is None
