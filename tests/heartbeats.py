"""What a live worker leaves in Redis, without the worker."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import redis.asyncio as redis_async

from pregao.queue.keys import Keys
from pregao.queue.views import WorkerFacts


async def beat(redis: redis_async.Redis, worker: WorkerFacts, *, age: timedelta = timedelta()) -> None:
    """A heartbeat of that age, by the server's clock."""
    seconds, _ = await redis.time()
    value = str(int((seconds - age.total_seconds()) * 1000)).encode() + b"|" + msgspec.json.encode(worker)
    await redis.hset(Keys().workers, worker.id, value)  # type: ignore[misc]
