"""The market time of prices whose page gives only a day for them."""

from __future__ import annotations

from datetime import date, datetime

from pregao.domain.calendar import market_day, previous_session, session
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass

_EARLIEST_YEAR = 1990


def market_time_of(day: date | None, asked_at: datetime, source: str) -> datetime | None:
    """The instant (UTC) that prices of `day` are for: the close of its session, or the last one before a closed day.

    None without a day, and while that session still trades at `asked_at`: which moment of it the page shows, it does
    not say. Raises ScrapeError VALIDATION for a day that has not come yet, or that is older than the real.
    """
    if day is None:
        return None
    if day.year < _EARLIEST_YEAR or day > market_day(asked_at):
        raise ScrapeError(f"{source} dates its prices {day}, on {market_day(asked_at)}", FailureClass.VALIDATION)
    closing = (session(day) or previous_session(day)).closes_at
    return closing if closing <= asked_at else None
