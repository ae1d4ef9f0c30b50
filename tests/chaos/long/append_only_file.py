"""The append-only file of a Valkey as a power cut leaves it: without the last second of writes."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from types import TracebackType

LOOK_SECONDS = 0.02


class SizeHistory:
    """Watches how the file grows; `cut_last_second()` turns it back, while the server is down."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sizes: list[tuple[float, int]] = []

    async def __aenter__(self) -> SizeHistory:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.cancel()

    def cut_last_second(self) -> int:
        """Truncate to the size of a second ago; how many bytes are gone. A half command at the end may remain."""
        path = self._current()
        last_written = self._sizes[-1][0]
        size = max(size for moment, size in self._sizes if moment <= last_written - 1.0)
        gone = path.stat().st_size - size
        os.truncate(path, size)
        self._sizes.clear()
        return gone

    async def _watch(self) -> None:
        while True:
            self._sizes.append((time.monotonic(), self._current().stat().st_size))
            del self._sizes[:-500]
            await asyncio.sleep(LOOK_SECONDS)

    def _current(self) -> Path:
        return max(self._directory.glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
