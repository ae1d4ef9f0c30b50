"""Limits of scrapers that were changed while the system runs: they are kept with who, when, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pregao.domain.clock import require_aware
from pregao.store.pool import unavailable
from pregao.store.statements import sql

if TYPE_CHECKING:
    from pregao.store.pool import Pool

OVERRIDES_LOCK = 0x7072_6567
"""First half of the advisory lock's key; the second is the scraper."""


class Override(msgspec.Struct, frozen=True):
    """One changed limit. `scraper` is the folded name, `name` the one that people read; `value` is JSON."""

    scraper: str
    name: str
    key: str
    value: Any
    changed_by: str
    changed_at: datetime


class ScraperOverrides:
    """The table of overrides. All methods raise StoreUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def all(self) -> list[Override]:
        """Every override, by scraper and key."""
        with unavailable():
            return [Override(**dict(row)) for row in await self._pool.fetch(sql("list_overrides"))]

    async def change(
        self,
        scraper: str,
        name: str,
        changes: Mapping[str, Any],
        *,
        who: str,
        at: datetime,
        why: str | None = None,
    ) -> list[str]:
        """Set each key of `changes` (None takes it away) and write each change into the audit log, all or nothing.

        Returns the keys that were another before; the others are left as they were.
        """
        require_aware(at, "at")
        with unavailable():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(sql("lock_overrides"), OVERRIDES_LOCK, scraper)
                before = {row["key"]: row["value"] for row in await connection.fetch(sql("get_overrides"), scraper)}
                changed = [key for key, value in changes.items() if before.get(key) != value]
                for key in changed:
                    value = changes[key]
                    if value is None:
                        await connection.execute(sql("delete_override"), scraper, key)
                    else:
                        await connection.execute(sql("upsert_override"), scraper, name, key, value, who, at)
                    what = f"limit:scraper:{scraper}:{key}"
                    await connection.execute(sql("insert_audit_entry"), at, who, what, before.get(key), value, why)
        return changed
