"""`pregao recover`: rebuild live jobs in an emptied Redis from PostgreSQL, by hand."""

from __future__ import annotations

import asyncio

from pregao.settings import Settings


def recover_lines(settings: Settings) -> list[str]:
    """Rebuild when the two do not agree; what was done, in lines. Raises QueueError, StoreError."""
    return asyncio.run(_recover(settings))


async def _recover(settings: Settings) -> list[str]:
    from pregao.queue.commands import QueueCommands
    from pregao.queue.connection import open_redis
    from pregao.recovery import reconcile
    from pregao.store.pool import open_pool

    redis = open_redis(settings.resolve_redis_url())
    pool = await open_pool(settings.resolve_database_url())
    try:
        done = await reconcile(QueueCommands(redis, settings.key_prefix), pool)
    finally:
        await pool.close()
        await redis.aclose()
    if done is None:
        return ["nothing to recover: Redis and PostgreSQL agree"]
    return [
        f"generation {done.generation} ({done.cause}): {done.jobs} unfinished jobs, {done.marks} fire marks restored"
    ]
