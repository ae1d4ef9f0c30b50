"""What an attempt left behind besides its outcome: what it printed, and what its processes took."""

from __future__ import annotations

import msgspec


class Footprint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an attempt's processes; nothing of one that ran in the worker's own event loop.

    `logs` is what they printed, bounded. Memory is that of the whole process tree at its highest, in MB of 1,048,576
    bytes; `cpu_seconds` is theirs together. `exit_signal` names the signal that ended the scraper's process.
    """

    logs: str | None = None
    peak_memory_mb: float | None = None
    cpu_seconds: float | None = None
    exit_signal: str | None = None


NO_FOOTPRINT = Footprint()
