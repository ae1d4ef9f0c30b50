"""Python children that die with the process that started them, however that one ends.

The parent adds `as_parent()` to a child's environment; the child calls `follow_parent()` first of all. Nothing runs
between fork and exec, so that a parent with threads is safe.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from pregao.embedded.launch import die_with_parent

VARIABLE = "PREGAO_PARENT_PID"
LOOK_SECONDS = 0.5


def as_parent() -> dict[str, str]:
    """What to add to the environment of a child that is to follow this process. Fork it from the main thread."""
    return {VARIABLE: str(os.getpid())}


def follow_parent(signal_number: signal.Signals) -> None:
    """Get `signal_number` when the parent that named itself in the environment dies; without one, do nothing.

    The name is taken out of the environment, since it means nothing to this process's own children.
    """
    named = os.environ.pop(VARIABLE, None)
    if named is None:
        return
    parent = int(named)
    if sys.platform == "linux":
        die_with_parent(signal_number, parent)
    else:
        threading.Thread(target=_watch, args=(parent, signal_number), daemon=True, name="parent-watch").start()


def _watch(parent: int, signal_number: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal_number)
