"""What a ticker may be, and the market time of a page that gives only a day."""

import doctest
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.domain.clock import MARKET_ZONE
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import papers
from pregao.scrapers.papers import PaperKind, first_found, kinds_of, ticker_of
from pregao.scrapers.price_day import market_time_of


def at(local: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=MARKET_ZONE)


def test_the_examples_in_the_module_hold() -> None:
    assert doctest.testmod(papers).failed == 0


@pytest.mark.parametrize(("argument", "ticker"), [(" petr4 ", "PETR4"), ("b3sa3", "B3SA3"), ("HGLG11B", "HGLG11B")])
def test_a_ticker_may_be_written_in_any_case(argument: str, ticker: str) -> None:
    assert ticker_of(argument, "Site") == ticker


@pytest.mark.parametrize("argument", [None, "", "  "])
def test_without_an_argument_the_message_says_what_to_write(argument: str | None) -> None:
    with pytest.raises(ScrapeError, match="Site needs a ticker, for example PETR4") as caught:
        ticker_of(argument, "Site")
    assert caught.value.failure_class is FailureClass.PERMANENT


@pytest.mark.parametrize("argument", ["../etc", "PETR", "PETR4F", "PETR4 VALE3", "PETRK312", "4PET4", "ÇÇÇÇ3", "PETR٣"])
def test_what_cannot_be_a_ticker_is_not_found(argument: str) -> None:
    with pytest.raises(ScrapeError) as caught:
        ticker_of(argument, "Site")
    assert caught.value.failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize(
    ("ticker", "first"),
    [
        ("PETR3", PaperKind.SHARE),
        ("USIM5", PaperKind.SHARE),
        ("MXRF11", PaperKind.FUND),
        ("KLBN11", PaperKind.SHARE),
        ("MXRF12", PaperKind.FUND),
        ("AAPL34", PaperKind.BDR),
        ("BIVB39", PaperKind.BDR),
    ],
)
def test_the_number_of_a_ticker_tells_the_likeliest_kind(ticker: str, first: PaperKind) -> None:
    assert kinds_of(ticker)[0] is first


@given(st.from_regex(r"[A-Z]{4}[0-9]{1,2}B?", fullmatch=True))
def test_every_ticker_has_between_one_and_four_kinds(ticker: str) -> None:
    kinds = kinds_of(ticker_of(ticker, "Site"))
    assert 1 <= len(kinds) == len(set(kinds)) <= 4


async def test_not_found_is_a_hint_to_try_the_next_kind() -> None:
    asked: list[PaperKind] = []

    async def ask(kind: PaperKind) -> str:
        asked.append(kind)
        if kind is not PaperKind.ETF:
            raise ScrapeError(f"no {kind}", FailureClass.NOT_FOUND)
        return "found"

    assert await first_found(kinds_of("BOVA11"), ask) == "found"
    assert asked == [PaperKind.FUND, PaperKind.SHARE, PaperKind.ETF]


async def test_when_no_kind_knows_the_paper_all_answers_are_told() -> None:
    async def ask(kind: PaperKind) -> str:
        raise ScrapeError(f"no {kind}", FailureClass.NOT_FOUND)

    with pytest.raises(ScrapeError, match="no fund; no share; no etf; no agro_fund") as caught:
        await first_found(kinds_of("NONE11"), ask)
    assert caught.value.failure_class is FailureClass.NOT_FOUND


async def test_any_other_failure_ends_the_search() -> None:
    asked: list[PaperKind] = []

    async def ask(kind: PaperKind) -> str:
        asked.append(kind)
        raise ScrapeError("refused", FailureClass.BLOCKED)

    with pytest.raises(ScrapeError, match="refused"):
        await first_found(kinds_of("BOVA11"), ask)
    assert len(asked) == 1


def test_prices_of_a_past_session_are_for_its_close() -> None:
    assert market_time_of(date(2026, 10, 5), at("2026-10-06T12:00:00"), "Site") == at("2026-10-05T17:00:00")


def test_prices_of_today_are_for_the_close_once_it_is_past_and_unknown_before() -> None:
    assert market_time_of(date(2026, 10, 5), at("2026-10-05T17:00:00"), "Site") == at("2026-10-05T17:00:00")
    assert market_time_of(date(2026, 10, 5), at("2026-10-05T16:59:59"), "Site") is None


def test_prices_of_a_closed_day_are_for_the_last_close_before_it() -> None:
    assert market_time_of(date(2026, 10, 12), at("2026-10-12T12:00:00"), "Site") == at("2026-10-09T17:00:00")


def test_without_a_day_the_time_is_unknown() -> None:
    assert market_time_of(None, at("2026-10-05T12:00:00"), "Site") is None


@pytest.mark.parametrize("day", [date(2026, 10, 6), date(9999, 12, 31), date(1, 1, 1), date(1989, 12, 31)])
def test_a_day_that_cannot_be_is_refused(day: date) -> None:
    with pytest.raises(ScrapeError, match=f"Site dates its prices {day}") as caught:
        market_time_of(day, at("2026-10-05T23:30:00"), "Site")
    assert caught.value.failure_class is FailureClass.VALIDATION
