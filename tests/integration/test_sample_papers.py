"""What the scrapers bring of papers from the sample market fits together, as an analyst would look at it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.market_picture import (
    COMPANIES,
    ETF,
    FUNDS,
    HISTORY,
    MOMENTS,
    PAGES,
    Picture,
    picture_at,
)

from pregao.domain.calendar import is_session, previous_session, session
from pregao.domain.clock import MARKET_ZONE
from pregao.scrapers.builtin.b3 import B3Scraper
from pregao.scrapers.builtin.fundamentus import FundamentusScraper
from pregao.scrapers.builtin.investidor10 import Investidor10Scraper
from pregao.scrapers.builtin.investing import InvestingScraper
from pregao.scrapers.builtin.opcoes import OpcoesScraper
from pregao.scrapers.builtin.statusinvest import StatusInvestScraper
from pregao.scrapers.builtin.tradingview import TradingViewScraper

SHOWN_DECIMALS = 0.006
"""Pages round to two decimals."""


@pytest.fixture(params=MOMENTS)
def picture(request: pytest.FixtureRequest) -> Picture:
    return picture_at(request.param)


def day_of(data: dict[str, Any], field: str = "as_of") -> date:
    return date.fromisoformat(data[field][:10])


# -- prices: one paper has one price, wherever it is looked at ---------------------------------------------------------


@pytest.mark.parametrize("ticker", [*COMPANIES, *FUNDS, ETF])
def test_sources_that_follow_the_session_show_the_same_price(picture: Picture, ticker: str) -> None:
    live = [picture[scraper, ticker]["price"] for scraper in (B3Scraper, TradingViewScraper, StatusInvestScraper)]

    assert live == [live[0]] * 3


@pytest.mark.parametrize("ticker", [*COMPANIES, *FUNDS])
def test_sites_with_closing_prices_show_the_last_close(picture: Picture, ticker: str) -> None:
    closing, other = picture[FundamentusScraper, ticker], picture[Investidor10Scraper, ticker]
    today = picture[TradingViewScraper, ticker]

    assert closing["price"] == other["price"]
    assert day_of(closing, "quote_date") == day_of(other, "updated") == picture.closed
    before = today["price"] - today["change_brl"] if picture.session else today["price"]
    assert closing["price"] == pytest.approx(before, abs=SHOWN_DECIMALS)


def test_the_history_of_a_paper_ends_where_its_quote_is(picture: Picture) -> None:
    history, quote = picture[InvestingScraper, HISTORY], picture[TradingViewScraper, "PETR4"]
    rows = history["recent"]

    assert history["price"] == quote["price"]
    assert history["change_pct"] == pytest.approx(quote["change_pct"], abs=0.01)
    assert all(
        row["low"] <= min(row["open"], row["close"]) <= max(row["open"], row["close"]) <= row["high"] for row in rows
    )
    assert all(is_session(day_of(row, "date")) for row in rows)
    assert [row["change_pct"] for row in rows[:-1]] == pytest.approx(
        [(later["close"] / earlier["close"] - 1) * 100 for later, earlier in pairwise(rows)], abs=0.01
    )


@pytest.mark.parametrize("ticker", [*COMPANIES, *FUNDS, ETF])
def test_a_price_lies_within_its_day_and_its_day_within_its_year(picture: Picture, ticker: str) -> None:
    scan = picture[TradingViewScraper, ticker]

    assert scan["low_52w"] <= scan["low"] <= scan["price"] <= scan["high"] <= scan["high_52w"]
    assert scan["low"] <= scan["open"] <= scan["high"]
    assert scan["bollinger_lower"] < scan["sma_20"] < scan["bollinger_upper"]
    assert 0 < scan["rsi_14"] < 100


def test_two_papers_of_one_company_go_together(picture: Picture) -> None:
    common, preferred = picture[TradingViewScraper, "PETR3"], picture[TradingViewScraper, "PETR4"]

    assert common["price"] / preferred["price"] == pytest.approx(51.4 / 46.3, rel=0.12)
    assert common["change_pct"] == pytest.approx(preferred["change_pct"], abs=2.5)


@pytest.mark.parametrize("ticker", COMPANIES)
def test_changes_of_a_year_and_a_month_begin_at_the_same_close_everywhere(picture: Picture, ticker: str) -> None:
    scan, page, table = (picture[scraper, ticker] for scraper in (TradingViewScraper, *PAGES[:2]))
    year = f"{day_of(table, 'quote_date').year}"
    if year == f"{picture.now.year}":
        assert begun_at(scan["price"], scan["change_ytd_pct"]) == pytest.approx(
            begun_at(table["price"], table["change_by_year_pct"][year]), rel=0.001
        )
    if day_of(table, "quote_date").month == picture.now.month:
        assert begun_at(page["price"], page["change_month_pct"]) == pytest.approx(
            begun_at(table["price"], table["change_month_pct"]), rel=0.001
        )


def test_on_the_first_session_of_a_month_its_change_is_that_of_the_day(picture: Picture) -> None:
    page = picture[StatusInvestScraper, "VALE3"]
    first = picture.session is not None and previous_session(picture.session.day).day.month != picture.session.day.month

    assert (page["change_month_pct"] == page["change_day_pct"]) is first


def begun_at(price: float, change_pct: float) -> float:
    return price / (1 + change_pct / 100)


# -- fundamentals: ratios follow from prices, shares and balances ------------------------------------------------------


@pytest.mark.parametrize("scraper", PAGES, ids=lambda scraper: scraper.name)
@pytest.mark.parametrize("ticker", COMPANIES)
def test_ratios_follow_from_the_price(picture: Picture, scraper: Any, ticker: str) -> None:
    page = picture[scraper, ticker]

    assert page["market_cap"] == pytest.approx(page["price"] * page["shares"], rel=0.001)
    assert page["pl"] * page["lpa"] == pytest.approx(page["price"], rel=0.02)
    assert page["pvp"] * page["vpa"] == pytest.approx(page["price"], rel=0.02)
    assert page["roe_pct"] == pytest.approx(page["lpa"] / page["vpa"] * 100, rel=0.02)
    assert 5 < page["roe_pct"] < 30
    assert 0 < page["dy_pct"] < 25
    assert 0 < page["pl"] < 60


@pytest.mark.parametrize("ticker", COMPANIES)
def test_sites_agree_on_what_does_not_depend_on_the_price(picture: Picture, ticker: str) -> None:
    first, second, third = (picture[scraper, ticker] for scraper in PAGES)

    for field in ("shares", "lpa", "vpa"):
        assert first[field] == second[field] == third[field], field
    assert first["segmento_listagem"] == third["segmento_listagem"]
    assert first["patrim_liq"] == pytest.approx(second["patrim_liq"], rel=0.001)
    assert first["min_52w"] <= second["price"] <= first["max_52w"]


@pytest.mark.parametrize("ticker", COMPANIES)
def test_the_scan_knows_the_same_fundamentals(picture: Picture, ticker: str) -> None:
    scan, page = picture[TradingViewScraper, ticker], picture[StatusInvestScraper, ticker]

    assert scan["price_earnings"] == pytest.approx(page["pl"], abs=SHOWN_DECIMALS)
    assert scan["dividend_yield_pct"] == pytest.approx(page["dy_pct"], abs=SHOWN_DECIMALS)
    assert scan["market_cap"] == pytest.approx(page["market_cap"], rel=0.001)
    assert page["dividends_12m_brl"] == pytest.approx(page["dy_pct"] / 100 * page["price"], rel=0.01)


@pytest.mark.parametrize("root", ["PETR", "VALE"])
def test_a_company_has_paid_what_its_yield_says_and_on_sessions(picture: Picture, root: str) -> None:
    company, page = picture[B3Scraper, root], picture[StatusInvestScraper, f"{root}4" if root == "PETR" else f"{root}3"]
    payments = company["payments"]

    assert company["total_shares"] == page["shares"]
    assert company["common_shares"] + company["preferred_shares"] == company["total_shares"]
    assert sum(payment["rate_brl"] for payment in payments[:4]) == pytest.approx(page["dividends_12m_brl"], rel=0.2)
    for payment in payments:
        approved, until, paid = (day_of(payment, field) for field in ("approved_on", "until", "paid_on"))
        quarter, year = int(payment["related_to"][0]), int(payment["related_to"][-4:])
        assert date(year + quarter // 4, quarter % 4 * 3 + 1, 1) <= approved < until < paid
        assert all(map(is_session, (approved, until, paid)))


@pytest.mark.parametrize("ticker", FUNDS)
def test_a_fund_pays_monthly_what_it_is_said_to_pay_in_a_year(picture: Picture, ticker: str) -> None:
    page, table = picture[StatusInvestScraper, ticker], picture[FundamentusScraper, ticker]

    assert page["last_income_brl"] * 12 == pytest.approx(page["dividends_12m_brl"], abs=0.07)
    assert table["dividendo_cota"] == pytest.approx(page["dividends_12m_brl"], abs=SHOWN_DECIMALS)
    assert page["pvp"] * page["vp_cota"] == pytest.approx(page["price"], rel=0.02)
    assert page["market_cap"] == pytest.approx(page["price"] * page["quotas"], rel=0.001)
    assert 5 < page["dy_pct"] < 16
    assert is_session(day_of(page, "last_income_record_date"))
    assert is_session(day_of(page, "last_income_payment_date"))


# -- time: values are for a moment of the market, not for that of the answer -------------------------------------------


def test_market_times_are_times_at_which_there_was_a_market(picture: Picture) -> None:
    for scraper in (B3Scraper, TradingViewScraper, OpcoesScraper, *PAGES):
        for argument, data in picture.of(scraper).items():
            if data["as_of"] is None or data["kind" if "kind" in data else "ticker"] == "company":
                continue
            at = datetime.fromisoformat(data["as_of"])
            trading = session(at.astimezone(MARKET_ZONE).date())
            assert trading is not None, (scraper.name, argument, data["as_of"])
            assert trading.opens_at <= at <= trading.closes_at, (scraper.name, argument, data["as_of"])
            assert at <= picture.now


def test_prices_of_a_running_session_are_a_quarter_of_an_hour_old_and_others_those_of_its_close(
    picture: Picture,
) -> None:
    closed = session(picture.closed)
    assert closed is not None
    expected = picture.now - timedelta(minutes=15) if picture.session else closed.closes_at

    for scraper in (B3Scraper, TradingViewScraper):
        at = datetime.fromisoformat(picture[scraper, "PETR4"]["as_of"])
        assert abs(at - expected) < timedelta(minutes=1), scraper.name


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("underlying", ["PETR4", "VALE3", ETF])
def test_a_chain_is_around_the_spot_and_priced_in_order(picture: Picture, underlying: str) -> None:
    chain = picture[OpcoesScraper, underlying]
    spot, strikes = chain["spot"], sorted({each["strike"] for each in chain["options"]})
    step = strikes[1] - strikes[0]

    assert strikes[0] < spot * 0.95
    assert strikes[-1] > spot * 1.05
    assert abs(chain["atm_strike"] - spot) <= step
    for expiry in {each["expiry"] for each in chain["options"]}:
        assert is_session(date.fromisoformat(expiry))
        calls, puts = (
            [each["last"] for each in chain["options"] if (each["option_type"], each["expiry"]) == (kind, expiry)]
            for kind in ("call", "put")
        )
        assert calls == sorted(calls, reverse=True)
        assert puts == sorted(puts)


@pytest.mark.parametrize("underlying", ["PETR4", "VALE3", ETF])
def test_calls_and_puts_of_one_strike_hold_to_parity_and_are_named_by_their_month(
    picture: Picture, underlying: str
) -> None:
    chain = picture[OpcoesScraper, underlying]
    series = {(each["option_type"], each["expiry"], each["strike"]): each for each in chain["options"]}

    for (kind, expiry, strike), each in series.items():
        month = date.fromisoformat(expiry).month
        assert each["ticker"][4] == ("ABCDEFGHIJKL" if kind == "call" else "MNOPQRSTUVWX")[month - 1]
        assert each["style"] == ("american" if kind == "call" else "european")
        other = series.get(("put", expiry, strike))
        if kind == "call" and other is not None:
            years = (date.fromisoformat(expiry) - day_of(chain)).days / 365
            forward = chain["spot"] - strike * (1 - 0.14 * years)
            assert each["last"] - other["last"] == pytest.approx(forward, abs=0.05 * chain["spot"])
