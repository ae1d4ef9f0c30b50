"""Values that belong to one event loop: connections and locks must not cross from one loop to another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LoopLocal(Generic[T]):
    """One value for each running event loop, made by `make()` when first asked for dropped once that loop is closed."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """The running loop's value. Raises RuntimeError outside of a loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._values:
            # Locks and connections point back to their loop, so weak keys would never be dropped.
            for closed in [known for known in self._values if known.is_closed()]:
                del self._values[closed]
            self._values[loop] = self._make()
        return self._values[loop]
