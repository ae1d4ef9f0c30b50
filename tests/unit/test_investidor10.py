"""Investidor10: what its pages say, and what is refused."""

import contextlib

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from tests.samples import block_pages, investidor10_pages
from tests.samples.damage import damaged

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.investidor10 import describe
from pregao.scrapers.builtin.investidor10_page import parse_investidor10
from pregao.scrapers.papers import PaperKind


def data_of(body: bytes, ticker: str = "SMPL4", kind: PaperKind = PaperKind.SHARE) -> dict[str, object]:
    return describe(parse_investidor10(body, ticker, kind), None, "http://x")


def refusal(body: bytes, ticker: str = "SMPL4", kind: PaperKind = PaperKind.SHARE) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        parse_investidor10(body, ticker, kind)
    return caught.value


def test_the_cards_are_read_by_their_title_and_not_by_their_class() -> None:
    data = data_of(investidor10_pages.share())
    assert (data["ticker"], data["kind"], data["price"]) == ("SMPL4", "share", 43.55)
    assert (data["change_day_pct"], data["change_12m_pct"]) == (1.99, 48.12)
    assert (data["pl"], data["pvp"], data["dy_pct"]) == (4.21, 1.17, 8.47)
    assert data["updated"] == "2026-10-02"
    assert orjson.loads(orjson.dumps(data)) == data


def test_the_indicators_below_the_cards_are_read_in_both_markups() -> None:
    page = parse_investidor10(investidor10_pages.share(), "SMPL4", PaperKind.SHARE)
    data = data_of(investidor10_pages.share())
    assert (data["lpa"], data["roe_pct"], data["marg_liquida_pct"]) == (9.83, 18.33, 15.77)
    assert page.indicators == 44
    figures = investidor10_pages.INDICATORS | investidor10_pages.COMPANY_CELLS | {"VPA": "32,81"}
    cells = "".join(investidor10_pages.cell(*pair) for pair in figures.items())
    older = investidor10_pages.page("SMPL4", _cards() + cells)
    assert data_of(older)["vpa"] == 32.81


def test_an_amount_that_is_shown_rounded_and_in_full_is_read_in_full() -> None:
    assert data_of(investidor10_pages.share())["market_cap"] == 567_386_000_000


def test_the_figures_of_the_sector_are_not_the_papers() -> None:
    assert b"99,99" in investidor10_pages.share()
    assert data_of(investidor10_pages.share())["pl"] == 4.21


def _cards() -> str:
    cards = [investidor10_pages.card(*pair) for pair in investidor10_pages.SHARE_CARDS.items()]
    return "".join((investidor10_pages.price_card("43,55", "1,99%"), *cards))


def test_a_share_with_cards_only_reads_and_counts_no_indicator() -> None:
    page = parse_investidor10(investidor10_pages.page("SMPL4", _cards()), "SMPL4", PaperKind.SHARE)
    assert page.indicators == 0
    assert page.reading.record.price == 43.55


@pytest.mark.parametrize(("change", "tone"), [("1,99%", "negative"), ("-1,99%", "negative"), ("-1,99%", "positive")])
def test_a_fall_is_told_by_the_class_or_by_a_minus(change: str, tone: str) -> None:
    cards = [investidor10_pages.card(*pair) for pair in investidor10_pages.SHARE_CARDS.items()]
    body = investidor10_pages.page(
        "SMPL4", "".join((investidor10_pages.price_card("43,55", change, tone=tone), *cards))
    )
    data = data_of(body)
    assert (data["change_day_pct"], data["price"]) == (-1.99, 43.55)


def test_a_fall_in_twelve_months_is_told_by_an_arrow() -> None:
    cards = "".join(
        investidor10_pages.card(title, value, arrow="down") for title, value in investidor10_pages.SHARE_CARDS.items()
    )
    data = data_of(investidor10_pages.page("SMPL4", investidor10_pages.price_card("43,55", "1,99%") + cards))
    assert (data["change_12m_pct"], data["pl"]) == (-48.12, 4.21)


def test_a_fund_has_titles_of_its_own() -> None:
    data = data_of(investidor10_pages.fund(), "SMPL11", PaperKind.FUND)
    assert (data["kind"], data["price"], data["dy_pct"], data["pvp"]) == ("fund", 158.5, 8.4, 0.98)
    assert (data["daily_liquidity_brl"], data["change_day_pct"]) == (8_500_000, -0.1)
    assert (data["vp_cota"], data["patrim_liq"], data["quotaholders"]) == (161.73, 5_460_000_000, 512_345)
    assert (data["vacancia_pct"], data["last_income_brl"], data["segmento"]) == (4.2, 1.1, "Logística")
    assert data["taxa_administracao"] == "0,60% a.a"


def test_an_etf_has_titles_of_its_own_and_may_not_say_when_it_was_updated() -> None:
    data = data_of(investidor10_pages.etf(), "INDX11", PaperKind.ETF)
    assert (data["price"], data["patrim_liq"], data["change_60m_pct"]) == (120.05, 12_300_000_000, 61.0)
    assert data["dy_pct"] is data["updated"] is None


def test_a_bdr_is_read_as_a_share() -> None:
    data = data_of(investidor10_pages.share("SMPL34"), "SMPL34", PaperKind.BDR)
    assert (data["kind"], data["pl"]) == ("bdr", 4.21)


def test_what_the_site_says_for_an_unknown_paper_is_not_found() -> None:
    error = refusal(investidor10_pages.not_found(), "NONE3")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert str(error) == "Investidor10 does not know NONE3"


@pytest.mark.parametrize("price", ["-", "0,00"])
def test_a_paper_without_a_price_is_not_found(price: str) -> None:
    assert refusal(investidor10_pages.share(price=price)).failure_class is FailureClass.NOT_FOUND


def test_an_empty_price_is_a_change_of_format() -> None:
    assert refusal(investidor10_pages.share(price="")).failure_class is FailureClass.VALIDATION


def test_the_page_of_another_paper_is_refused() -> None:
    error = refusal(investidor10_pages.share("SMPL3"))
    assert error.failure_class is FailureClass.VALIDATION
    assert str(error) == "Investidor10 sent the page of SMPL3 for SMPL4"


def test_titles_that_are_gone_are_named() -> None:
    cards = {title: value for title, value in investidor10_pages.SHARE_CARDS.items() if title != "P/VP"}
    error = refusal(investidor10_pages.share(cards=cards))
    assert error.failure_class is FailureClass.VALIDATION
    assert str(error) == "Investidor10's page of a share lacks P/VP: its format changed"


def test_a_list_that_lost_its_indicators_is_refused_with_their_names() -> None:
    error = refusal(investidor10_pages.share(without=tuple(investidor10_pages.COMPANY_CELLS)))
    assert error.failure_class is FailureClass.VALIDATION
    assert "lacks 14 of 50 labels: Valor de firma" in str(error)


def test_a_share_in_the_folder_of_etfs_is_no_etf() -> None:
    assert refusal(investidor10_pages.share(), kind=PaperKind.ETF).failure_class is FailureClass.VALIDATION
    body = investidor10_pages.share(address="https://investidor10.com.br/acoes/smpl4/")
    assert data_of(body, kind=PaperKind.ETF)["kind"] == "share"


def test_a_figure_whose_card_is_gone_is_read_from_the_list_of_indicators() -> None:
    cards = {title: value for title, value in investidor10_pages.SHARE_CARDS.items() if title != "P/L"}
    assert data_of(investidor10_pages.share(cards=cards))["pl"] == 4.21


def test_a_fund_read_as_a_share_is_refused() -> None:
    assert refusal(investidor10_pages.fund(), "SMPL11").failure_class is FailureClass.VALIDATION


def test_cards_of_dashes_are_refused() -> None:
    cards = "".join(investidor10_pages.card(title, "-") for title in investidor10_pages.SHARE_CARDS)
    error = refusal(investidor10_pages.page("SMPL4", investidor10_pages.price_card("43,55", "-") + cards))
    assert error.failure_class is FailureClass.VALIDATION
    assert "has values for 2 of" in str(error)


@pytest.mark.parametrize("body", [*block_pages.BLOCKED, *block_pages.BROKEN, block_pages.RATE_LIMITED])
def test_what_stands_in_place_of_the_page_has_its_own_class(body: bytes) -> None:
    assert refusal(body).failure_class in (FailureClass.BLOCKED, FailureClass.NETWORK, FailureClass.RATE_LIMITED)


@pytest.mark.parametrize("body", [b"{}", b"<html></html>", b"<html><h1>Bem-vindo</h1></html>"])
def test_what_is_not_the_page_is_a_validation_failure(body: bytes) -> None:
    assert refusal(body).failure_class is FailureClass.VALIDATION


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(investidor10_pages.share(), investidor10_pages.fund("SMPL4"), investidor10_pages.etf("SMPL4")))
def test_a_damaged_page_fails_with_a_class_or_reads(body: bytes) -> None:
    for kind in PaperKind:
        with contextlib.suppress(ScrapeError):
            orjson.dumps(data_of(body, kind=kind))
