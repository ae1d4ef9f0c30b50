"""A pool that is opened when it is first needed, given up when it fails, and opened again where the database is now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from pregao.domain.errors import StoreUnavailable
from pregao.store.pool import open_pool

if TYPE_CHECKING:
    from pregao.store.pool import Pool

T = TypeVar("T")


class StoreLink:
    """For questions that may stay without an answer. `database_url` is asked again after a failure: the embedded engine
    may have moved.
    """

    def __init__(self, database_url: Callable[[], str], *, answer_seconds: float, max_size: int = 1) -> None:
        """An answer that takes longer than `answer_seconds` is none."""
        self._database_url = database_url
        self._answer_seconds = answer_seconds
        self._max_size = max_size
        self._pool: Pool | None = None

    async def ask(self, question: Callable[[Pool], Awaitable[T]]) -> T:
        """The answer. Raises StoreUnavailable, within the time."""
        try:
            async with asyncio.timeout(self._answer_seconds):
                if self._pool is None:
                    self._pool = await open_pool(self._database_url(), max_size=self._max_size)
                return await question(self._pool)
        except TimeoutError:
            self.drop()
            raise StoreUnavailable(f"PostgreSQL did not answer within {self._answer_seconds:g} s") from None
        except StoreUnavailable:
            self.drop()
            raise

    def drop(self) -> None:
        """End the connections; the next question opens new ones."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
