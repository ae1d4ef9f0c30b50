"""The marks of memory between which a worker that has stopped claiming goes on waiting."""

from __future__ import annotations

from pydantic import ValidationInfo

MEMORY_GAP_PERCENT = 5.0
"""The low mark is so far below the high one where it is not given: one job more or less must not turn it back."""


def below_high_mark(low: float | None, info: ValidationInfo) -> float | None:
    """Check the low mark against the high one, which was read before it. Raises ValueError with what is allowed."""
    high = info.data.get("memory_high_percent")
    if low is not None and high and low > high:
        raise ValueError(f"{high:g} or less: it is the mark below PREGAO_MEMORY_HIGH_PERCENT")
    return low
