"""When a failed job is tried again."""

from __future__ import annotations

BASE_MS = 2_000
CAP_MS = 15 * 60_000


def backoff_ms(retry_count: int, *, base_ms: int = BASE_MS, cap_ms: int = CAP_MS) -> int:
    """Milliseconds to wait before retry number `retry_count` + 1: 2 s, 4 s, 8 s …, at most `cap_ms`.

    >>> [backoff_ms(n) for n in range(3)]
    [2000, 4000, 8000]
    >>> backoff_ms(1000)
    900000
    """
    if retry_count < 0:
        raise ValueError(f"retry_count {retry_count} is negative")
    return cap_ms if retry_count > 40 else min(cap_ms, base_ms << retry_count)
