"""Python's cycle collector, set for a process that moves many short-lived objects past a large heap that stays."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 10_000, 5, 5
"""Objects more than were freed, before the youngest are looked at (700 by default), and how often that happens before
older ones are. Almost nothing of a job is in a cycle; but parsed pages may be, and they are large."""


def calm_collector() -> None:
    """Leave alone what is there now, and look at the rest more rarely.

    A full collection walks through everything that was ever imported: 30 ms in a worker, during which nothing else
    happens in it. For roles that have loaded all they need (`gc.freeze` of Python's library reference, "gc").
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
