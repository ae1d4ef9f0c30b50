"""Status Invest: what its pages say, and what is refused."""

import contextlib
from datetime import date

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from tests.samples import block_pages, statusinvest_pages
from tests.samples.damage import damaged

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.statusinvest import describe
from pregao.scrapers.builtin.statusinvest_page import parse_statusinvest
from pregao.scrapers.papers import PaperKind


def data_of(body: bytes, ticker: str = "SMPL4", kind: PaperKind = PaperKind.SHARE) -> dict[str, object]:
    return describe(parse_statusinvest(body, ticker, kind), None, "http://x")


def refusal(body: bytes, ticker: str = "SMPL4", kind: PaperKind = PaperKind.SHARE) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        parse_statusinvest(body, ticker, kind)
    return caught.value


def test_the_figures_of_a_share_are_read_from_below_their_title() -> None:
    data = data_of(statusinvest_pages.share())
    assert (data["ticker"], data["company"], data["kind"], data["setor"]) == ("SMPL4", "SAMPLE", "share", "Energia")
    assert (data["price"], data["min_52w"], data["max_52w"], data["dy_pct"]) == (30.41, 28.31, 35.88, 10.76)
    assert (data["pl"], data["peg_ratio"], data["marg_bruta_pct"], data["roe_pct"]) == (5.06, -0.6, 48.15, 18.33)
    assert (data["market_cap"], data["shares"], data["free_float_pct"]) == (404_672_578_925, 12_888_732_761, 61.21)
    assert orjson.loads(orjson.dumps(data)) == data


def test_the_smaller_figures_have_titles_of_their_own() -> None:
    data = data_of(statusinvest_pages.share())
    assert (data["min_month"], data["max_month"], data["dividends_12m_brl"]) == (30.31, 32.52, 3.2724)


def test_the_panel_that_compares_papers_does_not_hide_the_figures() -> None:
    body = statusinvest_pages.share()
    assert body.count(b">P/L</h3>") == 2
    assert data_of(body)["pl"] == 5.06


def test_a_dash_is_null() -> None:
    assert data_of(statusinvest_pages.share())["roic_pct"] is None


def test_an_arrow_that_points_down_makes_a_percentage_negative_and_leaves_a_minus_alone() -> None:
    data = data_of(statusinvest_pages.share())
    assert (data["change_12m_pct"], data["change_month_pct"], data["change_day_pct"]) == (-9.84, -4.52, 0.33)
    blocks = "".join(statusinvest_pages.info(*pair) for pair in statusinvest_pages.QUOTE_TOP.items())
    for change in ("0,33%", "-0,33%"):
        body = statusinvest_pages.page("INDX11", "INDEX", blocks, change=change, falls=True)
        assert data_of(body, "INDX11", PaperKind.ETF)["change_day_pct"] == -0.33


def test_an_arrow_beside_the_price_leaves_the_price_alone() -> None:
    figures = dict(statusinvest_pages.QUOTE_TOP)
    blocks = statusinvest_pages.info("Valor atual", figures.pop("Valor atual"), falls=True)
    blocks += "".join(statusinvest_pages.info(*pair) for pair in figures.items())
    assert data_of(statusinvest_pages.page("INDX11", "INDEX", blocks), "INDX11", PaperKind.ETF)["price"] == 120.05


def test_a_fund_has_titles_of_its_own_in_several_wordings() -> None:
    data = data_of(statusinvest_pages.fund(), "SMPL11", PaperKind.FUND)
    assert (data["kind"], data["price"], data["vp_cota"], data["pvp"]) == ("fund", 158.5, 161.73, 0.98)
    assert (data["patrim_liq"], data["market_cap"], data["caixa"]) == (5_464_000_000, 5_350_000_000, 59_090_000)
    assert (data["quotaholders"], data["quotas"], data["caixa_pct"]) == (512_345, 33_787_600, 4.02)
    assert (data["last_income_brl"], data["last_income_pct"]) == (1.1, 0.69)
    assert (data["last_income_record_date"], data["last_income_payment_date"]) == ("2026-09-30", "2026-10-15")


@pytest.mark.parametrize("kind", [PaperKind.ETF, PaperKind.BDR])
def test_an_etf_and_a_bdr_have_what_every_page_has(kind: PaperKind) -> None:
    data = data_of(statusinvest_pages.quote("SMPL34"), "SMPL34", kind)
    assert (data["kind"], data["price"], data["min_52w"], data["change_day_pct"]) == (kind.value, 120.05, 99.0, 0.33)


def test_the_day_of_a_page_is_that_up_to_which_it_counts_dividends() -> None:
    assert parse_statusinvest(statusinvest_pages.share(), "SMPL4", PaperKind.SHARE).page_date == date(2026, 10, 3)


def test_without_that_the_date_picker_knows_the_day() -> None:
    blocks = "".join(statusinvest_pages.info(*pair) for pair in statusinvest_pages.QUOTE_TOP.items())
    picker = '<input id="End" data-max-date="2026-10-02">'
    body = statusinvest_pages.page("INDX11", "INDEX", blocks + picker, day="?")
    assert parse_statusinvest(body, "INDX11", PaperKind.ETF).page_date == date(2026, 10, 2)


def test_a_page_that_does_not_say_its_day_has_none() -> None:
    blocks = "".join(statusinvest_pages.info(*pair) for pair in statusinvest_pages.QUOTE_TOP.items())
    body = statusinvest_pages.page("INDX11", "INDEX", blocks, day="?")
    assert data_of(body, "INDX11", PaperKind.ETF)["page_date"] is None


def test_what_the_site_says_for_an_unknown_paper_is_not_found() -> None:
    error = refusal(statusinvest_pages.not_found(), "NONE3")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert str(error) == "Status Invest does not know NONE3"


@pytest.mark.parametrize("price", ["-", "0,00"])
def test_a_paper_without_a_price_is_not_found(price: str) -> None:
    error = refusal(statusinvest_pages.share(changed={"Valor atual": price}))
    assert error.failure_class is FailureClass.NOT_FOUND


def test_an_empty_price_is_a_change_of_format() -> None:
    assert refusal(statusinvest_pages.share(changed={"Valor atual": ""})).failure_class is FailureClass.VALIDATION


def test_the_page_of_another_paper_is_refused() -> None:
    error = refusal(statusinvest_pages.share("SMPL3"))
    assert error.failure_class is FailureClass.VALIDATION
    assert str(error) == "Status Invest sent the page of SMPL3 for SMPL4"


def test_titles_that_are_gone_are_named() -> None:
    error = refusal(statusinvest_pages.share(without=("P/L", "Valor atual")))
    assert error.failure_class is FailureClass.VALIDATION
    assert str(error) == "Status Invest's page of a share lacks Valor atual, P/L: its format changed"


def test_a_fund_read_as_a_share_is_refused() -> None:
    error = refusal(statusinvest_pages.fund(), "SMPL11")
    assert error.failure_class is FailureClass.VALIDATION
    assert "P/L" in str(error)


def test_titles_that_are_gone_in_numbers_are_a_change_of_format_and_a_few_are_named() -> None:
    gone = tuple(statusinvest_pages.COMPANY)
    error = refusal(statusinvest_pages.share(without=gone))
    assert error.failure_class is FailureClass.VALIDATION
    assert "Valor de mercado" in str(error)
    page = parse_statusinvest(statusinvest_pages.share(without=gone[:2]), "SMPL4", PaperKind.SHARE)
    assert set(page.reading.missing) == set(gone[:2])


def test_a_share_in_the_folder_of_etfs_is_no_etf() -> None:
    assert refusal(statusinvest_pages.share(), kind=PaperKind.ETF).failure_class is FailureClass.VALIDATION
    body = statusinvest_pages.share(address="https://statusinvest.com.br/acoes/smpl4")
    assert data_of(body, kind=PaperKind.ETF)["kind"] == "share"


def test_a_page_of_dashes_is_refused() -> None:
    dashes = dict.fromkeys((*statusinvest_pages.INDICATORS, *statusinvest_pages.COMPANY), "-")
    error = refusal(statusinvest_pages.share(changed=dashes))
    assert error.failure_class is FailureClass.VALIDATION
    assert "15 are the least" in str(error)


def test_a_text_that_is_no_number_is_null_and_told() -> None:
    body = statusinvest_pages.share(changed={"P/SR": "{value}"})
    assert parse_statusinvest(body, "SMPL4", PaperKind.SHARE).reading.unread == {"psr": "{value}"}


@pytest.mark.parametrize("body", [*block_pages.BLOCKED, *block_pages.BROKEN, block_pages.RATE_LIMITED])
def test_what_stands_in_place_of_the_page_has_its_own_class(body: bytes) -> None:
    assert refusal(body).failure_class in (FailureClass.BLOCKED, FailureClass.NETWORK, FailureClass.RATE_LIMITED)


@pytest.mark.parametrize("body", [b"{}", b"<html></html>", b"<html><h1>Bem-vindo</h1></html>"])
def test_what_is_not_the_page_is_a_validation_failure(body: bytes) -> None:
    assert refusal(body).failure_class is FailureClass.VALIDATION


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(statusinvest_pages.share(), statusinvest_pages.fund("SMPL4"), statusinvest_pages.quote("SMPL4")))
def test_a_damaged_page_fails_with_a_class_or_reads(body: bytes) -> None:
    for kind in PaperKind:
        with contextlib.suppress(ScrapeError):
            orjson.dumps(data_of(body, kind=kind))
