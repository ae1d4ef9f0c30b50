"""A scheduler on a machine whose clock is wrong: `python -m tests.chaos.long.shifted_scheduler SECONDS`."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta

from pregao.cli.signals import first_of, run_role
from pregao.domain.clock import SystemClock
from pregao.scheduler.service import ScraperScheduler
from pregao.settings import Settings


class ShiftedClock(SystemClock):
    """The machine's clock, wrong by a constant."""

    def __init__(self, shift: timedelta) -> None:
        self._shift = shift

    def now(self) -> datetime:
        """What a machine whose clock is wrong believes."""
        return super().now() + self._shift


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    shift = timedelta(seconds=float(sys.argv[1]))
    service = ScraperScheduler(settings=settings, clock=ShiftedClock(shift))
    await service.start()
    try:
        await first_of(stop, service.wait())
    finally:
        await service.stop()


if __name__ == "__main__":
    run_role("scheduler", serve)
