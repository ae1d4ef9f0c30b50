"""The last good values of a scraper and its argument, from PostgreSQL, with a small memory of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pregao.domain.clock import Clock
from pregao.domain.errors import StoreUnavailable
from pregao.limits.checks import LastGood, numbers_in
from pregao.store.link import StoreLink
from pregao.store.pool import unavailable
from pregao.store.statements import sql

if TYPE_CHECKING:
    from pregao.store.pool import Pool

MEMORY = 5_000
FRESH_SECONDS = 60.0
"""How long a remembered value counts; meanwhile another worker may have found a newer one."""
SILENCE_SECONDS = 10.0
"""How long nobody asks after PostgreSQL gave no answer: a worker that waits for it does nothing else."""

_Key = tuple[str, str | None, tuple[str, ...]]


class LastGoodValues:
    """Asks one indexed query for each scraper and argument, at most once a minute."""

    def __init__(self, link: StoreLink, clock: Clock) -> None:
        self._link, self._clock = link, clock
        self._known: OrderedDict[_Key, tuple[float, LastGood | None]] = OrderedDict()
        self._silent_until = 0.0

    async def find(
        self, scraper: str, ticker: str | None, fields: Mapping[str, object], *, max_age_days: float
    ) -> LastGood | None:
        """The last good numbers of `fields`, not older than `max_age_days`; None when there are none.

        Raises StoreUnavailable, at once when it did so a moment ago.
        """
        key = (scraper, ticker, tuple(sorted(fields)))
        oldest = self._clock.now() - timedelta(days=max_age_days)
        known = self._known.get(key)
        if known is None or self._clock.monotonic() > known[0] + FRESH_SECONDS:
            known = self._remember(key, await self._ask(scraper, ticker, fields, oldest))
        last = known[1]
        return last if last is not None and last.at >= oldest else None

    def remember(self, scraper: str, ticker: str | None, fields: Mapping[str, object], data: Any) -> None:
        """This is the last good result now."""
        found = LastGood(numbers_in(data, fields), self._clock.now())
        self._remember((scraper, ticker, tuple(sorted(fields))), found)

    async def _ask(
        self, scraper: str, ticker: str | None, fields: Mapping[str, object], oldest: Any
    ) -> LastGood | None:
        if self._clock.monotonic() < self._silent_until:
            raise StoreUnavailable("PostgreSQL gave no answer a moment ago")

        async def question(pool: Pool) -> Any:
            with unavailable():
                return await pool.fetchrow(sql("last_good_result"), scraper, ticker, oldest)

        try:
            row = await self._link.ask(question)
        except StoreUnavailable:
            self._silent_until = self._clock.monotonic() + SILENCE_SECONDS
            raise
        return None if row is None else LastGood(numbers_in(row["data"], fields), row["executed_at"])

    def _remember(self, key: _Key, last: LastGood | None) -> tuple[float, LastGood | None]:
        known = self._known[key] = self._clock.monotonic(), last
        self._known.move_to_end(key)
        while len(self._known) > MEMORY:
            self._known.popitem(last=False)
        return known
