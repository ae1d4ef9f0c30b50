"""What scrapers may know of results that are stored already. The worker gives it to a class that asks for `stored`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from pregao.domain.errors import StoreUnavailable

COST_KEY = "cost_usd"
"""Where a result's metadata tells what it cost: a number, or null when nobody knows."""


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A good result. `data` is None when it is larger than was asked for; `executed_at` is aware."""

    scraper: str
    executed_at: datetime
    data: Any


class StoredResults(Protocol):
    """Reads results. Everything raises StoreUnavailable while PostgreSQL is down."""

    async def latest(
        self, arguments: Collection[str], *, since: datetime, limit: int, largest_bytes: int
    ) -> list[StoredResult]:
        """The newest good result of each scraper for any of `arguments`, the newest first.

        Results that cost something (see COST_KEY) are conclusions, not observations, and are left out.
        """

    async def spent_usd(self, since: datetime) -> Decimal:
        """What the results since then cost, by their own estimate."""


class NothingStored:
    """Stands in where no database was given."""

    async def latest(
        self, arguments: Collection[str], *, since: datetime, limit: int, largest_bytes: int
    ) -> list[StoredResult]:
        """Raises StoreUnavailable."""
        raise _no_database()

    async def spent_usd(self, since: datetime) -> Decimal:
        """Raises StoreUnavailable."""
        raise _no_database()


def _no_database() -> StoreUnavailable:
    return StoreUnavailable("this scraper was made without a database; give it `stored`")
