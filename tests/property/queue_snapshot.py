"""All that a server holds of the queue, read at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis_asyncio
from tests.property.queue_model import PRIORITIES, ModelJob

PARKED_LISTS = [(scraper, priority) for scraper in "abc" for priority in PRIORITIES]
FIXED = 14 + len(PARKED_LISTS)


@dataclass
class Snapshot:
    """All of the server at one moment; per job: status, data, meta, holder of its unique key, three TTLs."""

    ready: list[list[bytes]]
    running: list[tuple[bytes, float]]
    delayed: list[tuple[bytes, float]]
    wake: int
    inuse: dict[bytes, bytes]
    outbox: list[tuple[bytes, dict[bytes, bytes]]]
    outbox_bytes: bytes | None
    fired: dict[bytes, bytes]
    started: dict[bytes, bytes]
    made: dict[bytes, bytes]
    control: dict[bytes, bytes]
    parked: set[bytes]
    waiting_scrapers: dict[tuple[str, str], list[bytes]]
    jobs: dict[str, list[Any]]


async def read_all(redis: redis_asyncio.Redis, jobs: list[ModelJob]) -> Snapshot:
    """Everything that the model speaks of, and what belongs to these jobs."""
    async with redis.pipeline(transaction=False) as pipe:
        for priority in PRIORITIES:
            pipe.lrange(f"scraper:jobs:{priority}", 0, -1)
        pipe.zrange("scraper:running", 0, -1, withscores=True)
        pipe.zrange("scraper:delayed", 0, -1, withscores=True)
        pipe.llen("scraper:wake").hgetall("scraper:inuse")
        pipe.xrange("scraper:outbox").get("scraper:outbox_bytes")
        pipe.hgetall("scraper:fired").hgetall("scraper:started").hgetall("scraper:made")
        pipe.hgetall("scraper:control").smembers("scraper:parked")
        for scraper, priority in PARKED_LISTS:
            pipe.lrange(f"scraper:parked:{scraper}:{priority}", 0, -1)
        for job in jobs:
            status, data, meta = (f"scraper:job:{job.id}:{part}" for part in ("status", "data", "meta"))
            pipe.get(status).get(data).hgetall(meta).get(f"scraper:uniq:{job.unique}")
            pipe.ttl(status).ttl(data).ttl(meta)
        answers = await pipe.execute()
    lists = dict(zip(PARKED_LISTS, answers[14:FIXED], strict=True))
    each = [answers[start : start + 7] for start in range(FIXED, len(answers), 7)]
    by_job = {job.id: part for job, part in zip(jobs, each, strict=True)}
    return Snapshot(answers[:3], *answers[3:14], lists, by_job)
