"""Fundamentus: what its pages say, and what is refused."""

import contextlib
from datetime import date

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from tests.samples import block_pages, fundamentus_pages
from tests.samples.damage import damaged

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.fundamentus import describe
from pregao.scrapers.builtin.fundamentus_page import FundamentusPage, parse_fundamentus


def data_of(page: FundamentusPage) -> dict[str, object]:
    return describe(page, None, "http://x")


def refusal(body: bytes, ticker: str = "SMPL4") -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        parse_fundamentus(body, ticker)
    return caught.value


def test_the_figures_of_a_share_are_read_from_the_cell_beside_their_label() -> None:
    data = data_of(parse_fundamentus(fundamentus_pages.share(), "SMPL4"))
    assert (data["ticker"], data["kind"], data["tipo"]) == ("SMPL4", "share", "PN N2")
    assert (data["setor"], data["subsetor"]) == ("Máquinas e Equipamentos", "Motores")
    assert (data["price"], data["min_52w"], data["max_52w"]) == (30.41, 27.53, 1034.9)
    assert (data["quote_date"], data["last_balance"]) == ("2026-10-02", "2026-06-30")
    assert (data["market_cap"], data["shares"]) == (391_946_000_000, 12_888_700_000)
    assert (data["change_day_pct"], data["change_12m_pct"], data["dy_pct"]) == (-0.33, -5.86, 10.6)
    assert (data["pl"], data["pvp"], data["lpa"], data["div_liq_patrim"]) == (5.06, 0.93, 6.01, -0.19)
    assert data["change_by_year_pct"] == {"2026": -7.31}
    assert orjson.loads(orjson.dumps(data)) == data


def test_a_label_that_occurs_twice_is_for_twelve_months_first_and_three_months_second() -> None:
    data = data_of(parse_fundamentus(fundamentus_pages.share(), "SMPL4"))
    assert (data["receita_12m"], data["receita_3m"]) == (491_446_000_000, 127_906_000_000)
    assert (data["lucro_12m"], data["lucro_3m"]) == (77_522_000_000, 32_705_000_000)


def test_cells_that_a_layout_does_not_have_and_dashes_are_null_and_not_zero() -> None:
    share = data_of(parse_fundamentus(fundamentus_pages.share(), "SMPL4"))
    assert share["depositos"] is share["div_br_patrim"] is None
    bank = data_of(parse_fundamentus(fundamentus_pages.bank(), "BANK4"))
    assert bank["enterprise_value"] is bank["roic_pct"] is bank["receita_12m"] is None


def test_a_bank_has_deposits_and_credit_in_place_of_debt() -> None:
    data = data_of(parse_fundamentus(fundamentus_pages.bank(), "BANK4"))
    assert (data["kind"], data["depositos"], data["carteira_credito"]) == ("bank", 102_809_000_000, 173_606_000_000)
    assert (data["result_int_financ_12m"], data["rec_servicos_3m"]) == (11_590_000_000, 3_399_000_000)
    assert data["lucro_3m"] == 11_654_000_000


def test_a_real_estate_fund_has_labels_of_its_own() -> None:
    data = data_of(parse_fundamentus(fundamentus_pages.fund(), "SMPL11"))
    assert (data["ticker"], data["kind"], data["segmento"], data["gestao"]) == ("SMPL11", "fund", "Logística", "Ativa")
    assert (data["price"], data["pvp"], data["vp_cota"], data["dividendo_cota"]) == (158.5, 0.98, 161.73, 13.2)
    assert (data["ffo_yield_pct"], data["dy_pct"], data["vacancia_media_pct"]) == (7.9, 8.4, 4.2)
    assert (data["ffo_12m"], data["rend_distribuido_3m"], data["venda_ativos_12m"]) == (417_655_000, 111_500_000, 0)
    assert (data["imoveis"], data["area_m2"], data["quotas"]) == (27, 1_580_000, 33_787_600)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-8"])
def test_the_encoding_is_decided_by_the_bytes_and_not_by_what_the_page_declares(encoding: str) -> None:
    data = data_of(parse_fundamentus(fundamentus_pages.share(encoding=encoding), "SMPL4"))
    assert (data["setor"], data["quote_date"]) == ("Máquinas e Equipamentos", "2026-10-02")


def test_the_old_label_of_gross_debt_does_not_pass_for_net_debt() -> None:
    cells = {name: text for name, text in fundamentus_pages.SHARE.items() if name != "Dív Líq / Patrim"}
    body = fundamentus_pages.page(cells | {"Div Br/ Patrim": "0,89"}, fundamentus_pages.SHARE_RESULTS)
    record = parse_fundamentus(body, "SMPL4").reading.record
    assert (data_of(parse_fundamentus(body, "SMPL4"))["div_br_patrim"], record.quote_date) == (0.89, date(2026, 10, 2))
    assert data_of(parse_fundamentus(body, "SMPL4"))["div_liq_patrim"] is None


def test_a_ticker_that_the_site_does_not_know_is_not_found() -> None:
    error = refusal(fundamentus_pages.not_found(), "NONE3")
    assert error.failure_class is FailureClass.NOT_FOUND
    assert str(error) == "Fundamentus does not know NONE3"


@pytest.mark.parametrize("price", ["-", "0,00"])
def test_a_paper_without_a_price_is_not_found(price: str) -> None:
    assert refusal(fundamentus_pages.share(Cotação=price)).failure_class is FailureClass.NOT_FOUND


def test_an_empty_price_is_a_change_of_format() -> None:
    assert refusal(fundamentus_pages.share(Cotação="")).failure_class is FailureClass.VALIDATION


def test_the_page_of_another_paper_is_refused() -> None:
    error = refusal(fundamentus_pages.share(), "SMPL3")
    assert error.failure_class is FailureClass.VALIDATION
    assert str(error) == "Fundamentus sent 'SMPL4' for SMPL3"


def test_labels_that_are_gone_are_named() -> None:
    cells = {name: text for name, text in fundamentus_pages.SHARE.items() if name not in ("P/L", "Data últ cot")}
    error = refusal(fundamentus_pages.page(cells))
    assert error.failure_class is FailureClass.VALIDATION
    assert str(error) == "Fundamentus's page of a share lacks Data últ cot, P/L: its format changed"


def test_a_fund_whose_labels_are_gone_is_refused_as_a_fund() -> None:
    cells = {name: text for name, text in fundamentus_pages.FUND.items() if name != "P/VP"}
    assert "Fundamentus's page of a fund lacks P/VP" in str(refusal(fundamentus_pages.page(cells), "SMPL11"))


_ALL = fundamentus_pages.SHARE | fundamentus_pages.DEBTS


def test_a_page_that_lost_its_results_is_refused_with_their_names() -> None:
    error = refusal(fundamentus_pages.page(_ALL))
    assert error.failure_class is FailureClass.VALIDATION
    assert "lacks 6 of 53 labels: Receita Líquida" in str(error)


def test_a_page_of_dashes_is_refused() -> None:
    kept = ("Papel", "Cotação", "Data últ cot", "Tipo")
    cells = {name: text if name in kept else "-" for name, text in _ALL.items()}
    error = refusal(fundamentus_pages.page(cells, dict.fromkeys(fundamentus_pages.SHARE_RESULTS, ("-", "-"))))
    assert error.failure_class is FailureClass.VALIDATION
    assert "has values for 4 of 59 fields, 10 are the least" in str(error)


def test_a_text_that_is_no_number_is_null_and_told() -> None:
    reading = parse_fundamentus(fundamentus_pages.share(PSR="em breve"), "SMPL4").reading
    assert reading.unread == {"psr": "em breve"}
    assert data_of(parse_fundamentus(fundamentus_pages.share(PSR="em breve"), "SMPL4"))["psr"] is None


def test_a_price_that_is_no_number_is_refused() -> None:
    error = refusal(fundamentus_pages.share(Cotação="30.41"))
    assert error.failure_class is FailureClass.VALIDATION
    assert "no value that can be read for Cotação ('30.41')" in str(error)


@pytest.mark.parametrize("body", [*block_pages.BLOCKED, *block_pages.BROKEN, block_pages.RATE_LIMITED])
def test_what_stands_in_place_of_the_page_has_its_own_class(body: bytes) -> None:
    assert refusal(body).failure_class in (FailureClass.BLOCKED, FailureClass.NETWORK, FailureClass.RATE_LIMITED)


@pytest.mark.parametrize(
    "body", [b"{}", b"<html></html>", b"<html><body><h1>Fundamentus</h1></body></html>", b"%PDF-1.7"]
)
def test_what_is_not_the_page_is_a_validation_failure(body: bytes) -> None:
    assert refusal(body).failure_class is FailureClass.VALIDATION


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(fundamentus_pages.share(), fundamentus_pages.bank(), fundamentus_pages.fund()))
def test_a_damaged_page_fails_with_a_class_or_reads(body: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        orjson.dumps(data_of(parse_fundamentus(body, "SMPL4")))
