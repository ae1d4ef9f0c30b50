"""Hearing of cancel requests at once. A message that is lost is healed by the next renewal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from pregao.queue.connection import open_redis

SILENCE_SECONDS = 10.0
RETRY_SECONDS = 0.5


async def listen_for_cancels(redis_url: str, channel: str, on_cancel: Callable[[str], None]) -> None:
    """Call `on_cancel(job_id)` for each request, for ever; ended by cancellation."""
    while True:
        client = open_redis(redis_url)
        try:
            async with client.pubsub() as subscription:
                await subscription.subscribe(channel)
                await _hear(subscription, on_cancel)
        except (RedisError, OSError) as error:
            logger.debug("the cancel channel was cut: {}", error)
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            await client.aclose()


async def _hear(subscription: PubSub, on_cancel: Callable[[str], None]) -> None:
    """A silent connection is asked for a sign of life, and given up when none comes: it may be cut without a word."""
    asked = False
    while True:
        message = await subscription.get_message(timeout=SILENCE_SECONDS)
        if message is not None:
            asked = False
            if message["type"] == "message":
                on_cancel(message["data"].decode(errors="replace"))
        elif asked:
            return
        else:
            await subscription.ping()
            asked = True
