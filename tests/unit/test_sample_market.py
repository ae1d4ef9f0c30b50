"""The sample market: one seed and one minute, one answer; prices that move while a session is open, and then stand."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sample_markets import EVENING, HOLIDAY, IN_SESSION, SATURDAY, clock_at, sample_at
from tests.samples.cotahist_layout import misplaced

from pregao.domain.calendar import is_session, session
from pregao.domain.clock import MARKET_ZONE
from pregao.sample_market.access import NAMES
from pregao.sample_market.balances import Balances
from pregao.sample_market.coins import COINS
from pregao.sample_market.draws import Draws
from pregao.sample_market.headlines import MARK
from pregao.sample_market.market import Market
from pregao.sample_market.options import chain, expiries
from pregao.sample_market.papers import PAPERS, WITH_OPTIONS, Kind
from pregao.sample_market.ratios import Ratios
from pregao.sample_market.server import SOURCES
from pregao.sample_market.sources import b3_cotahist

PETR4 = PAPERS["PETR4"]
TODAY = date(2026, 10, 5)


def market(local: str = IN_SESSION, seed: int = 1) -> Market:
    return sample_at(local, seed).market


def at(local: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=MARKET_ZONE)


def test_a_seed_gives_the_same_prices_each_time() -> None:
    first, second = (market().prices.seen(PETR4, at(IN_SESSION)) for _ in range(2))

    assert first == second


def test_another_seed_is_another_market() -> None:
    closes = [market(seed=seed).prices.close(PETR4, TODAY) for seed in range(1, 5)]

    assert len(set(closes)) == 4


def test_a_price_does_not_depend_on_what_was_asked_before() -> None:
    fresh, used = market(), market()
    for paper in PAPERS.values():
        used.prices.seen(paper, at("2026-03-02T12:00:00"))
        used.prices.closes(paper, TODAY, 300)

    assert used.prices.seen(PETR4, at(IN_SESSION)) == fresh.prices.seen(PETR4, at(IN_SESSION))


def test_a_minute_is_one_answer_and_the_next_is_another() -> None:
    prices = [market(f"2026-10-05T14:30:{second:02d}").delayed(PETR4).close for second in (0, 20, 59)]
    later = [market(f"2026-10-05T14:{minute:02d}:00").delayed(PETR4).close for minute in range(30, 50)]

    assert len(set(prices)) == 1
    assert len(set(later)) > 5


def test_a_price_moves_by_little_from_minute_to_minute() -> None:
    prices = market(EVENING).prices
    minutes = prices.minutes(PETR4, prices.whole(PETR4, TODAY))

    assert len(minutes) == 421
    assert max(abs(after / before - 1) for before, after in pairwise(minutes)) < 0.01


@pytest.mark.parametrize("local", [EVENING, "2026-10-05T23:59:00", "2026-10-06T09:59:00"])
def test_prices_stand_when_no_session_is_open(local: str) -> None:
    seen = market(local).delayed(PETR4)

    assert (seen.day, seen.close) == (TODAY, market().prices.close(PETR4, TODAY))


@pytest.mark.parametrize(("local", "day"), [(SATURDAY, date(2026, 10, 2)), (HOLIDAY, date(2026, 10, 9))])
def test_weekends_and_holidays_have_the_prices_of_the_session_before(local: str, day: date) -> None:
    assert market(local).delayed(PETR4).day == day


def test_what_is_seen_of_a_running_session_is_a_quarter_of_an_hour_old_and_not_from_before_it() -> None:
    assert market("2026-10-05T14:30:00").delayed(PETR4).minute == 255
    assert market("2026-10-05T10:05:00").delayed(PETR4).minute == 0


@given(st.dates(date(2024, 1, 3), date(2027, 12, 30)).filter(is_session), st.sampled_from(sorted(PAPERS)))
@settings(max_examples=60)
def test_a_session_is_consistent(day: date, ticker: str) -> None:
    prices, paper = MARKET.prices, PAPERS[ticker]
    bar = prices.whole(paper, day)

    assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
    assert bar.low <= bar.average <= bar.high
    assert bar.close == prices.close(paper, day)
    assert paper.price / 3 < bar.close < paper.price * 3
    assert bar.qty > 0
    assert bar.trades > 0


@given(st.dates(date(2024, 1, 3), date(2027, 12, 30)).filter(is_session), st.integers(0, 480))
@settings(max_examples=40)
def test_a_session_so_far_lies_within_the_whole_of_it(day: date, minute: int) -> None:
    of_day = session(day)
    assert of_day is not None
    whole = MARKET.prices.whole(PETR4, day)
    seen = MARKET.prices.seen(PETR4, min(of_day.opens_at + timedelta(minutes=minute), of_day.closes_at))

    assert (seen.day, seen.open) == (day, whole.open)
    assert whole.low <= seen.low <= seen.high <= whole.high
    assert seen.qty <= whole.qty


MARKET = market()


def test_coins_move_at_night_and_on_weekends() -> None:
    prices = [MARKET.coins.price(COINS[0], at(f"2026-10-04T03:{minute:02d}:00")) for minute in range(20)]

    assert len(set(prices)) == 20


def test_coins_are_ranked_by_what_they_are_worth_in_all() -> None:
    ranked = MARKET.coins.ranked(at(SATURDAY))

    assert [quote.rank for quote in ranked] == list(range(1, len(COINS) + 1))
    assert [quote.capitalisation for quote in ranked] == sorted((q.capitalisation for q in ranked), reverse=True)
    assert sum(quote.dominance for quote in ranked) < 100
    assert all(quote.low_24h <= quote.price <= quote.high_24h for quote in ranked)


def test_the_target_rate_is_known_up_to_the_next_meeting_and_no_further() -> None:
    values = MARKET.rates.selic(date(2026, 9, 1), date(2027, 9, 1), at(IN_SESSION))

    assert TODAY < values[-1].day <= TODAY + timedelta(days=45)
    assert {abs(after.value - before.value) for before, after in pairwise(values)} <= {0.0, 0.25}


def test_rates_are_published_when_the_central_bank_does_it() -> None:
    morning, afternoon = at("2026-10-05T09:00:00"), at("2026-10-05T13:15:00")
    days = [MARKET.rates.closing("USD", TODAY, TODAY, moment) for moment in (morning, afternoon)]
    months = [
        MARKET.rates.ipca(date(2026, 8, 1), TODAY, at(local)) for local in ("2026-10-09T12:00", "2026-10-10T12:00")
    ]

    assert [len(found) for found in days] == [0, 1]
    assert [rate[-1].day for rate in months] == [date(2026, 8, 1), date(2026, 9, 1)]
    assert MARKET.rates.cdi(TODAY - timedelta(days=9), TODAY, morning)[-1].day == date(2026, 10, 2)


def test_a_balance_adds_up() -> None:
    for paper in (paper for paper in PAPERS.values() if paper.kind is Kind.SHARE):
        balance = Balances(Draws(1)).of(paper)
        ratios = Ratios(paper.price, balance)

        assert 0 < balance.profit < balance.ebit < balance.ebitda
        assert 0 < balance.equity < balance.assets
        assert balance.gross < balance.revenue
        assert 2 < ratios.earnings < 40
        assert 0.3 < ratios.book < 8
        assert 0 < ratios.dividend_pct < 25


def test_papers_of_one_company_share_its_balance() -> None:
    balances = Balances(Draws(1))

    assert balances.of(PAPERS["PETR3"]) == balances.of(PAPERS["PETR4"])


def test_options_are_worth_more_the_longer_they_run_and_never_less_than_at_once() -> None:
    series = [
        each for each in chain(Draws(1), PETR4, TODAY, 46.0, 46.0, 45.5) if each.kind == "CALL" and each.strike == 46
    ]

    assert [each.expiry for each in series] == expiries(TODAY)
    assert [each.value for each in series] == sorted(each.value for each in series)
    assert all(each.value >= round(46.0 - each.strike, 2) for each in series)


def test_no_two_series_share_a_code() -> None:
    codes = [
        each.ticker
        for ticker in WITH_OPTIONS
        for each in chain(Draws(1), PAPERS[ticker], TODAY, *[PAPERS[ticker].price] * 3)
    ]

    assert len(codes) == len(set(codes))
    assert max(map(len, codes)) <= 12


@pytest.mark.parametrize("day", [date(2024, 2, 14), date(2025, 12, 30), TODAY])
def test_every_record_of_the_end_of_day_file_follows_the_official_layout(day: date) -> None:
    lines = b3_cotahist.text(MARKET, day).split(b"\r\n")

    assert lines[-1] == b""
    assert [problem for line in lines[:-1] for problem in misplaced(line)] == []
    assert int(lines[-2][31:42]) == len(lines) - 1
    assert {line[2:10] for line in lines[1:-2]} == {f"{day:%Y%m%d}".encode()}


def test_headlines_come_one_after_the_other_and_say_that_they_are_samples() -> None:
    now = at(IN_SESSION)
    found = MARKET.headlines.stream("valor", now, 100, timedelta(minutes=6))

    assert all(each.title.startswith(MARK) for each in found)
    assert now >= found[0].at > now - timedelta(minutes=13)
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    assert len({each.number for each in found}) == 100


def test_a_headline_stays_what_it_was_when_newer_ones_come() -> None:
    every = timedelta(minutes=6)
    before = MARKET.headlines.stream("valor", at("2026-10-05T14:00"), 50, every)
    after = MARKET.headlines.stream("valor", at("2026-10-05T15:00"), 50, every)

    assert set(before[:30]) & set(after) == set(before[:30])


def test_headlines_say_of_a_paper_and_of_all_shares_what_they_did() -> None:
    found = [
        each
        for of, every in (("valor", timedelta(minutes=6)), ("linea", timedelta(hours=7)))
        for each in MARKET.headlines.stream(of, at(IN_SESSION), 100, every)
    ]
    told = [(each, re.search(r"(?:\((\w+)\)|(Ibovespa)) (sobe|cai) ", each.title)) for each in found]
    moved = [(each, match[1] or "BOVA11", match[3] == "sobe") for each, match in told if match]

    assert len(moved) > 10
    for each, ticker, rises in moved:
        assert (MARKET.prices.seen(PAPERS[ticker], each.at).change >= 0) is rises, each.title


def test_headlines_about_the_dollar_have_its_closing_rate() -> None:
    found = MARKET.headlines.stream("valor", at(IN_SESSION), 400, timedelta(minutes=6))
    told = [(each, re.search(r"Dólar (sobe|cai) e fecha a R\$ (\S+)", each.title)) for each in found]
    closings = [(each, match) for each, match in told if match]

    assert closings
    for each, match in closings:
        before, last = (
            rate.sell for rate in MARKET.rates.closing("USD", TODAY - timedelta(days=30), TODAY, each.at)[-2:]
        )
        assert match[2] == f"{last:.2f}".replace(".", ",")
        assert (last >= before) is (match[1] == "sobe")


def test_the_clock_is_read_to_the_minute() -> None:
    assert Market(1, clock_at("2026-10-05T14:30:59.9")).now() == at("2026-10-05T14:30:00")


def test_all_sources_that_clients_are_told_of_are_served() -> None:
    assert set(SOURCES) == set(NAMES)
