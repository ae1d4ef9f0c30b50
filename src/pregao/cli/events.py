"""`pregao events`: what happens, as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import typer
from redis.exceptions import RedisError

from pregao.cli.session import local
from pregao.queue.connection import open_redis
from pregao.queue.keys import Keys
from pregao.queue.replies import translate
from pregao.settings import Settings
from pregao.terminal import printable


def follow(count: int | None, as_json: bool) -> None:
    """Print events until interrupted, or until `count` came. Raises QueueUnavailable."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_follow(Settings.load(), count, as_json))


async def _follow(settings: Settings, count: int | None, as_json: bool) -> None:
    redis = open_redis(settings.resolve_redis_url(), timeout_seconds=None)
    seen = 0
    try:
        async with redis.pubsub() as channel:
            await channel.subscribe(Keys(settings.key_prefix).events)
            async for message in channel.listen():
                if message["type"] == "subscribe":
                    typer.echo("listening; Ctrl-C ends", err=True)
                    continue
                text = message["data"].decode()
                typer.echo(text if as_json else _line(json.loads(text)))
                seen += 1
                if seen == count:
                    return
    except RedisError as error:
        raise translate(error) from error
    finally:
        await redis.aclose()


def _line(event: dict[str, Any]) -> str:
    what = f"{event['scraper_name']} {event['ticker'] or ''}".strip()
    about = event["job_id"] or printable(str(event.get("why") or ""))
    return f"{local(event['timestamp'])}  {event['event']:<14} {what:<24} {event['status']:<10} {about}".rstrip()
