"""`pregao recover`: rebuild live jobs in an emptied Redis from PostgreSQL, by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from pregao.cli.session import print_json, quiet
from pregao.settings import Settings

if TYPE_CHECKING:
    from pregao.recovery import Reconciled


def recover(*, as_json: bool) -> None:
    """Rebuild when the two do not agree, and print what was done. Raises QueueError, StoreError."""
    import msgspec

    quiet("ERROR")
    done = asyncio.run(_reconcile(Settings.load()))
    if as_json:
        print_json({"recovered": False} if done is None else {"recovered": True, **msgspec.structs.asdict(done)})
    elif done is None:
        typer.echo("nothing to recover: Redis and PostgreSQL agree")
    else:
        what = f"{done.jobs} unfinished jobs, {done.marks} fire marks restored"
        typer.echo(f"generation {done.generation} ({done.cause}): {what}")


async def _reconcile(settings: Settings) -> Reconciled | None:
    from pregao.queue.commands import QueueCommands
    from pregao.queue.connection import open_redis
    from pregao.recovery import reconcile
    from pregao.store.pool import open_pool

    redis = open_redis(settings.resolve_redis_url())
    pool = await open_pool(settings.resolve_database_url())
    try:
        return await reconcile(QueueCommands(redis, settings.key_prefix), pool)
    finally:
        await pool.close()
        await redis.aclose()
