"""`pregao migrate`: bring the database to this version's tables."""

from __future__ import annotations

import asyncio

from pregao.settings import Settings


def migrate_lines(settings: Settings) -> list[str]:
    """Apply what is missing; what was done, in lines. Raises StoreUnavailable and MigrationMismatch."""
    from pregao.store.migrations import migrate

    applied = asyncio.run(migrate(settings.resolve_database_url()))
    return [f"applied {name}" for name in applied] or ["nothing to apply: the database is up to date"]
