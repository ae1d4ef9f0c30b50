"""`pregao recover`: rebuild live jobs in an emptied Redis from PostgreSQL, by hand."""

from __future__ import annotations

import asyncio

from pregao.settings import Settings


def recover_lines(settings: Settings) -> list[str]:
    """Rebuild when the generation marker is missing; what was done, in lines. Raises QueueError, StoreError."""
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
    return ["nothing to recover: Redis has its contents"] if done is None else [str(done)]
