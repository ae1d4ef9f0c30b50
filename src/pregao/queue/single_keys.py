"""What the queue keeps under single keys, where one command does without a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import redis.asyncio as redis_async
from redis.exceptions import RedisError

from pregao.domain.clock import from_ms
from pregao.queue.keys import Keys
from pregao.queue.replies import translate


class SingleKeys:
    """The generation, the rules, the marks of the schedules, and the server's own clock and run.

    All methods raise QueueUnavailable or QueueError.
    """

    def __init__(self, redis: redis_async.Redis, keys: Keys, now_ms: Callable[[], int] | None) -> None:
        self.keys = keys
        self._redis = redis
        self._now_ms = now_ms

    async def fired_marks(self) -> dict[str, datetime]:
        """The last fired time of every schedule, aware UTC."""
        try:
            marks: dict[bytes, bytes] = await self._redis.hgetall(self.keys.fired)  # type: ignore[assignment]
        except RedisError as error:
            raise translate(error) from error
        return {name.decode(): from_ms(int(mark)) for name, mark in marks.items()}

    async def server_time(self) -> datetime:
        """The server's clock, which every script goes by; aware UTC."""
        if self._now_ms is not None:
            return from_ms(self._now_ms())
        try:
            seconds, micros = await self._redis.time()
        except RedisError as error:
            raise translate(error) from error
        return from_ms(int(seconds) * 1000 + int(micros) // 1000)

    async def retire(self, scheduler_id: str) -> None:
        """Say that a scheduler has ended."""
        try:
            await self._redis.hdel(self.keys.schedulers, scheduler_id)
        except RedisError as error:
            raise translate(error) from error

    async def restore_controls(self, rules: Mapping[str, str]) -> None:
        """Put back rules that PostgreSQL remembers and this Redis lacks. Works without a generation."""
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                for name, value in rules.items():
                    pipe.hsetnx(self.keys.control, name, value)
                await pipe.execute()
        except RedisError as error:
            raise translate(error) from error

    async def control_fields(self) -> dict[str, str]:
        """Every rule as it stands: what `control` changes."""
        try:
            fields: dict[bytes, bytes] = await self._redis.hgetall(self.keys.control)  # type: ignore[assignment]
        except RedisError as error:
            raise translate(error) from error
        return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}

    async def read_generation(self) -> int | None:
        """The generation that this Redis belongs to, or None when it has no marker."""
        try:
            marker = await self._redis.get(self.keys.generation)
        except RedisError as error:
            raise translate(error) from error
        return None if marker is None else int(marker)

    async def read_server_run(self) -> str:
        """What changes with every start of the server, and with every failover to another one."""
        try:
            return str((await self._redis.info("server"))["run_id"])
        except RedisError as error:
            raise translate(error) from error

    async def open_generation(self, generation: int) -> None:
        """Set the marker: from now on the scripts work. The last step of a recovery."""
        try:
            await self._redis.set(self.keys.generation, generation)
        except RedisError as error:
            raise translate(error) from error
