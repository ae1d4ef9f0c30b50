"""The recorded pages of Fundamentus, Status Invest and Investidor10 against what was read from them by hand."""

import gzip
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from tests.samples.recordings import expected, recording

from pregao.domain.clock import MARKET_ZONE
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin import fundamentus, investidor10, statusinvest
from pregao.scrapers.builtin.fundamentus_page import parse_fundamentus
from pregao.scrapers.builtin.investidor10_page import parse_investidor10
from pregao.scrapers.builtin.statusinvest_page import parse_statusinvest
from pregao.scrapers.html_pages import decode_page
from pregao.scrapers.papers import PaperKind
from pregao.scrapers.price_day import market_time_of


def agrees(data: Mapping[str, Any], wanted: Mapping[str, Any], *, otherwise: tuple[str, ...] = ()) -> None:
    """Every expected value is in `data`; those in `otherwise` are checked by the caller, `_` begins a remark."""
    keys = [key for key in wanted if not key.startswith("_") and key not in otherwise]
    assert keys
    assert {key: data.get(key, "absent") for key in keys} == {key: wanted[key] for key in keys}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("wege3_detalhes_20260703.html", "share"),
        ("itub4_detalhes_20260703_bank.html", "bank"),
        ("petr4_detalhes_20251226_domdump_utf8.html", "share"),
    ],
)
def test_every_value_of_a_recorded_page_of_fundamentus_reads_as_expected(name: str, kind: str) -> None:
    body, wanted = recording("fundamentus", name), expected("fundamentus", name)
    page = parse_fundamentus(body, wanted["ticker"])
    assert (page.kind, page.reading.unread) == (kind, {})
    agrees(fundamentus.describe(page, None, "http://x"), wanted, otherwise=("encoding",))
    assert decode_page(body) == body.decode(wanted["encoding"].split()[0])


def test_the_recorded_changes_by_year_are_read() -> None:
    page = parse_fundamentus(recording("fundamentus", "wege3_detalhes_20260703.html"), "WEGE3")
    assert (page.change_by_year_pct["2026"], page.change_by_year_pct["2021"]) == (-3.83, -10.7)


def test_the_recorded_answer_for_an_unknown_ticker_is_not_found() -> None:
    body, wanted = recording("fundamentus", "ticker_not_found.html"), expected("fundamentus", "ticker_not_found.html")
    assert decode_page(body) == body.decode(wanted["encoding"])
    assert wanted["h1"] in decode_page(body)
    with pytest.raises(ScrapeError) as caught:
        parse_fundamentus(body, "NONE3")
    assert caught.value.failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize("name", ["petr4_20251227_trimmed.html", "petr4_20251227_full.html.gz"])
def test_every_value_of_the_recorded_page_of_status_invest_reads_as_expected(name: str) -> None:
    body, wanted = recording("statusinvest", name), expected("statusinvest", "petr4_20251227_trimmed.html")
    page = parse_statusinvest(gzip.decompress(body) if name.endswith("gz") else body, "PETR4", PaperKind.SHARE)
    assert page.reading.unread == {}
    data = statusinvest.describe(page, None, "http://x")
    agrees(data, wanted, otherwise=("same_as", "page_generated"))
    assert data["page_date"] == wanted["page_generated"].split()[0]


def test_the_prices_of_the_recorded_saturday_are_for_friday() -> None:
    body = recording("statusinvest", "petr4_20251227_trimmed.html")
    page = parse_statusinvest(body, "PETR4", PaperKind.SHARE)
    asked_at = datetime(2025, 12, 27, 21, tzinfo=MARKET_ZONE)
    closing = datetime(2025, 12, 26, 18, tzinfo=MARKET_ZONE)
    assert market_time_of(page.page_date, asked_at, "Status Invest") == closing


def test_the_recorded_block_page_is_no_data() -> None:
    body = recording("statusinvest", "petr4_cloudflare_block.html")
    assert expected("statusinvest", "petr4_cloudflare_block.html")["expect"].startswith("Blocked")
    with pytest.raises(ScrapeError) as caught:
        parse_statusinvest(body, "PETR4", PaperKind.SHARE)
    assert caught.value.failure_class is FailureClass.BLOCKED


@pytest.mark.parametrize("name", ["petr4_cards_20260828.html", "itsa3_cards_simplified.html"])
def test_every_value_of_the_recorded_cards_of_investidor10_reads_as_expected(name: str) -> None:
    body, wanted = recording("investidor10", name), expected("investidor10", name)
    page = parse_investidor10(body, wanted["ticker"], PaperKind.SHARE)
    assert page.reading.unread == {}
    agrees(investidor10.describe(page, None, "http://x"), wanted)
