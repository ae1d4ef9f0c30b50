"""Runners whose zygote died: they finish their jobs, watched by the worker itself until they are gone."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from functools import partial

from loguru import logger

from pregao.isolation.guard import Guard, Ward
from pregao.isolation.marker import Marker, marked
from pregao.isolation.messages import Ended, Refused
from pregao.isolation.meter import Meter
from pregao.isolation.tree import Snapshot, read_process
from pregao.isolation.zygote_process import Flight

LOOK_SECONDS = 0.05


class Foster:
    """Watches the runners of dead zygotes, with the same limits. `run()` as long as the worker takes jobs.

    `runners()` are the pids of all runners of this worker: what descends from them is not left over. How a fostered
    runner ended nobody learns: only its parent does.
    """

    def __init__(self, marker: Marker, runners: Callable[[], set[int]]) -> None:
        self._marker = marker
        self._runners = runners
        self._guard = Guard(self._report, self._left_over)
        self._flights: dict[int, Flight] = {}
        self._born: dict[int, int] = {}
        self._reports: deque[Ended] = deque()
        self._wishes: deque[Callable[[], None]] = deque()
        self._wanted = asyncio.Event()

    def adopt(self, flights: list[Flight]) -> None:
        """Take over runners. One that has not said hello got no task: it ends by itself, and never ran anything."""
        for flight in flights:
            if flight.pid is None:
                flight.end(Refused(flight.launch.id, "its zygote ended"))
                continue
            logger.warning("runner {} lost its zygote, and is watched by the worker", flight.pid)
            self._flights[flight.launch.id] = flight
            flight.kill = partial(self._wish, partial(self._guard.kill, flight.launch.id, "asked"))
            self._wish(partial(self._watch, flight))

    async def run(self) -> None:
        """Watch for ever; ended by cancellation, which leaves nobody alive."""
        try:
            while True:
                await self._wanted.wait()
                await asyncio.to_thread(self._look)
                self._settle()
                if self._flights:
                    await asyncio.sleep(LOOK_SECONDS)
                elif not self._wishes:
                    self._wanted.clear()
        finally:
            self._wish(lambda: self._guard.kill_all("abandoned"))
            await asyncio.shield(asyncio.to_thread(self._end_all))

    def _wish(self, wish: Callable[[], None]) -> None:
        """Something to do in the thread that looks: the guard belongs to it."""
        self._wishes.append(wish)
        self._wanted.set()

    def _look(self) -> None:
        while self._wishes:
            self._wishes.popleft()()
        for ward in self._guard.wards():
            if not ward.gone and not self._lives(ward):
                self._guard.exited(ward, None, None)
        self._guard.tick()

    def _end_all(self) -> None:
        while self._wishes or len(self._guard):
            self._look()

    def _watch(self, flight: Flight) -> None:
        assert flight.pid is not None
        process = read_process(flight.pid)
        self._born[flight.launch.id] = process.started if process else -1
        meter = Meter(flight.launch.limits)
        self._guard.watch(Ward(flight.launch.id, flight.pid, meter, deadline=flight.deadline))

    def _lives(self, ward: Ward) -> bool:
        process = read_process(ward.pid)
        return process is not None and process.lives and process.started == self._born[ward.id]

    def _left_over(self, snapshot: Snapshot | None) -> set[int]:
        """Whatever bears this worker's mark and descends from nobody that it knows."""
        snapshot = snapshot or Snapshot.take()
        gone = {ward.pid for ward in self._guard.wards() if ward.gone}
        known = {process.pid for process in snapshot.trees([os.getpid(), *(self._runners() - gone)])}
        return {pid for pid, marker in marked(snapshot) if marker.owner == self._marker.owner} - known

    def _report(self, ended: Ended) -> None:
        self._reports.append(ended)

    def _settle(self) -> None:
        while self._reports:
            ended = self._reports.popleft()
            self._born.pop(ended.id, None)
            self._flights.pop(ended.id).end(ended)
