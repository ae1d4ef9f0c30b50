"""Work on a queue that may just have lost its contents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from loguru import logger

from pregao.domain.errors import GenerationMissing
from pregao.runtime import Runtime

T = TypeVar("T")


async def rebuilding(runtime: Runtime, work: Callable[[], Awaitable[T]]) -> T:
    """Do `work`; when this Redis lost its contents, have it rebuilt from PostgreSQL and do it again."""
    try:
        return await work()
    except GenerationMissing:
        logger.warning("Redis holds no generation marker; rebuilding the queue from PostgreSQL")
        await runtime.generation.ensure()
        return await work()
