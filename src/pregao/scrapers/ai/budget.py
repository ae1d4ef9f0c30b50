"""The monthly budget that stops scrapers which cost money."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal

from pregao.domain.clock import MARKET_ZONE, Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.stored import StoredResults


async def require_budget(stored: StoredResults, budget_usd: float, clock: Clock) -> None:
    """Return if less than `budget_usd` was spent in this month of São Paulo.

    What runs at the same moment is not counted yet: all of it together may exceed the budget by its own cost.
    Raises ScrapeError PERMANENT with the figures (waiting a few seconds helps nobody), and StoreUnavailable.
    """
    first, next_first = month_of(clock.now())
    spent = await stored.spent_usd(first)
    if spent < Decimal(str(budget_usd)):
        return
    message = (
        f"the AI budget of this month is used up: USD {spent:.4f} of {budget_usd:g} spent since "
        f"{first:%Y-%m-%d}; raise PREGAO_AI_BUDGET_USD, or wait until {next_first:%Y-%m-%d}"
    )
    raise ScrapeError(message, FailureClass.PERMANENT)


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The beginning of the month of São Paulo that `moment` is in, and that of the next one."""
    day = moment.astimezone(MARKET_ZONE).date().replace(day=1)
    following = day.replace(year=day.year + 1, month=1) if day.month == 12 else day.replace(month=day.month + 1)
    return datetime.combine(day, time(), MARKET_ZONE), datetime.combine(following, time(), MARKET_ZONE)
