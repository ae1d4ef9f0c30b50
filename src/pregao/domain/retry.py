"""When a failed job is tried again, and at what price."""

from __future__ import annotations

import msgspec

from pregao.domain.failure import Failure, FailureAction, FailureClass

BASE_MS = 2_000
CAP_MS = 15 * 60_000
SNOOZE_LIMIT = 20
"""Attempts of a job after which a snooze spends a retry as well: a source that says "later" for ever is down."""
RETRY_AFTER_LIMIT_MS = 24 * 3_600_000


class Backoff(msgspec.Struct, frozen=True):
    """The growing wait before a retry: `base_ms`, twice that, four times …, at most `cap_ms`.

    `jitter` is the share of the wait by which chance may make it longer or shorter, from 0 to 1.
    """

    base_ms: int = BASE_MS
    cap_ms: int = CAP_MS
    jitter: float = 0.0

    def delay_ms(self, count: int, chance: float = 0.5) -> int:
        """The wait after `count` earlier ones; `chance` is a random number from 0 to 1.

        >>> [Backoff().delay_ms(n) for n in range(3)]
        [2000, 4000, 8000]
        >>> Backoff(jitter=0.5).delay_ms(0, chance=0.0), Backoff(jitter=0.5).delay_ms(0, chance=1.0)
        (1000, 3000)
        """
        return round(backoff_ms(count, base_ms=self.base_ms, cap_ms=self.cap_ms) * (1 + self.jitter * (2 * chance - 1)))


class NextStep(msgspec.Struct, frozen=True):
    """What becomes of a job after a failed attempt.

    `retryable` spends a retry if one is left; `snoozed` does not. `ignored` holds nothing against the scraper.
    `hold_ms` is for how long nobody may ask the source; None when it did not complain.
    """

    retryable: bool
    snoozed: bool = False
    ignored: bool = False
    delay_ms: int = 0
    hold_ms: int | None = None


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


def next_step(
    failure: Failure,
    action: FailureAction,
    backoff: Backoff,
    *,
    retry_count: int,
    attempt: int,
    chance: float = 0.5,
    honour: bool = True,
) -> NextStep:
    """What `action` comes to for the job's attempt number `attempt`, after `retry_count` retries.

    The wait is never shorter than what the source asked for, up to a day, if that is to be honoured.
    """
    asked_ms = min(RETRY_AFTER_LIMIT_MS, round((failure.retry_after_seconds or 0) * 1000)) if honour else 0
    if action is FailureAction.SNOOZE and attempt <= SNOOZE_LIMIT:
        complained = failure.failure_class is FailureClass.RATE_LIMITED or asked_ms > 0
        return NextStep(
            True,
            snoozed=True,
            delay_ms=max(1, asked_ms, backoff.delay_ms(attempt - 1, chance)),
            hold_ms=asked_ms if complained and honour else None,
        )
    if action in (FailureAction.RETRY, FailureAction.SNOOZE):
        return NextStep(True, delay_ms=max(asked_ms, backoff.delay_ms(retry_count, chance)))
    return NextStep(False, ignored=action is FailureAction.IGNORE)
