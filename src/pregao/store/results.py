"""Stored results, as scrapers may read them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pregao.domain.clock import require_aware
from pregao.scrapers.stored import COST_KEY, StoredResult
from pregao.store.pool import unavailable
from pregao.store.statements import sql

if TYPE_CHECKING:
    from pregao.store.pool import Pool


class Results:
    """Reads `scraper_results` for scrapers (it is their StoredResults). All methods raise StoreUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def latest(
        self, arguments: Collection[str], *, since: datetime, limit: int, largest_bytes: int
    ) -> list[StoredResult]:
        """The newest good result of each scraper for any of `arguments`, the newest first.

        Results of jobs made before `since`, and those that cost something, are left out; data of more than
        `largest_bytes` is None.
        """
        start = require_aware(since, "since")
        with unavailable():
            rows = await self._pool.fetch(sql("latest_results"), list(arguments), start, limit, largest_bytes, COST_KEY)
        return [StoredResult(row["scraper"], row["executed_at"], row["data"]) for row in rows]

    async def spent_usd(self, since: datetime) -> Decimal:
        """What the results since then cost, by the estimates in their metadata."""
        with unavailable():
            spent: Decimal = await self._pool.fetchval(sql("sum_costs"), require_aware(since, "since"), COST_KEY)
        return spent
