"""Following one job to its end."""

from __future__ import annotations

from typing import Any

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from pregao.api.actions import JobActions
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.job import JobStatus
from pregao.queue.replies import translate
from pregao.runtime import Runtime

LOOK_SECONDS = 0.5
"""How often to look when no event comes: the last one of a job waits for PostgreSQL."""


async def wait_for_end(
    actions: JobActions, runtime: Runtime, job_id: str, clock: Clock | None = None
) -> dict[str, Any]:
    """The job once it is completed, failed or cancelled. Raises JobNotFound, QueueUnavailable, StoreUnavailable."""
    clock = clock or SystemClock()
    events = runtime.redis.pubsub(ignore_subscribe_messages=True)
    try:
        await events.subscribe(runtime.views.keys.events)
        while True:
            job = await actions.find(job_id)
            if JobStatus(job["status"]).ended:
                return job
            await _event_of(events, job_id, clock)
    except RedisError as error:
        raise translate(error) from error
    finally:
        await events.aclose()  # type: ignore[no-untyped-call]


async def _event_of(events: PubSub, job_id: str, clock: Clock) -> None:
    """Return at the job's next event, or when it is time to look again."""
    until = clock.monotonic() + LOOK_SECONDS
    while (left := until - clock.monotonic()) > 0:
        message = await events.get_message(timeout=left)
        if message is not None and job_id.encode() in message["data"]:
            return
