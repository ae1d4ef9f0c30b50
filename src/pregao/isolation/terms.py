"""What one isolated attempt is given."""

from __future__ import annotations

import msgspec

from pregao.isolation.messages import InitializeMode, Limits

CLEANUP_SECONDS = 5.0


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Time, limits, and whether `initialize` runs. `cleanup_seconds` are also what is left after a timeout or a cancel.

    `shutdown_seconds` take their place when the worker stops.
    """

    timeout_seconds: float
    cleanup_seconds: float = CLEANUP_SECONDS
    shutdown_seconds: float = CLEANUP_SECONDS
    initialize: InitializeMode = "auto"
    limits: Limits = Limits()
