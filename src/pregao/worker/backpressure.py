"""Backpressure: while memory is too full, the worker claims nothing. What runs goes on."""

from __future__ import annotations

import asyncio
from typing import TypedDict

from pregao.worker.claimer import Claimer
from pregao.worker.memory import MemoryMark

LOOK_SECONDS = 0.5


class Facts(TypedDict):
    """What a heartbeat says of it; the fields are those of WorkerFacts."""

    memory_percent: float | None
    held: str
    holds: int


class Backpressure:
    """Looks at the memory twice a second, and holds the claimer while the mark is reached."""

    def __init__(self, mark: MemoryMark, claimer: Claimer) -> None:
        self._mark = mark
        self._claimer = claimer

    @property
    def facts(self) -> Facts:
        """As of the last look."""
        percent = self._mark.percent
        return Facts(
            memory_percent=None if percent is None else round(percent, 1),
            held=self._mark.story,
            holds=self._mark.count,
        )

    def look(self) -> None:
        """Look once."""
        if self._mark.look():
            self._claimer.hold(held=self._mark.reached)

    async def run(self) -> None:
        """Look until cancelled. A claim that waits is reviewed as well: scrapers may have come that need a browser."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()
            self._claimer.review()
