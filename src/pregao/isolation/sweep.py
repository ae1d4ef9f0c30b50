"""Ending what the attempts of dead workers left on this machine, when their zygotes were killed as well."""

from __future__ import annotations

import os

from loguru import logger

from pregao.isolation.marker import Marker, marked
from pregao.isolation.scratch import sweep_scratch
from pregao.isolation.tree import Process, Snapshot, end

KILL_SECONDS = 5.0


def sweep() -> int:
    """Kill every process that bears the mark of a worker that is gone, with its descendants; how many.

    Removes the temporary files of such workers. Blocks; call it when a worker starts.
    """
    killed = end(_abandoned, KILL_SECONDS)
    if killed:
        logger.warning("{} processes of workers that are gone were still running; they are ended", killed)
    sweep_scratch(Snapshot.take())
    return killed


def sweep_own(marker: Marker) -> None:
    """Kill whatever bears the marks of one isolation of this process, which ends: nothing of it may be left. Blocks."""

    def find(snapshot: Snapshot) -> list[Process]:
        return snapshot.trees(pid for pid, found in marked(snapshot) if found.owner == marker.owner)

    killed = end(find, KILL_SECONDS)
    if killed:
        logger.warning("{} processes outlived their attempts; they are ended", killed)


def _abandoned(snapshot: Snapshot) -> list[Process]:
    """Marked processes of dead workers and all below them; never this process or what it descends from."""
    roots = [pid for pid, marker in marked(snapshot) if marker.worker_is_gone(snapshot)]
    above = _line_of(snapshot, os.getpid())
    return [process for process in snapshot.trees(roots) if process.pid not in above]


def _line_of(snapshot: Snapshot, pid: int) -> set[int]:
    line = set()
    while pid in snapshot.processes and pid not in line:
        line.add(pid)
        pid = snapshot.processes[pid].parent
    return line
