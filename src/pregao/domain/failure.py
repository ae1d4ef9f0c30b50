"""How an attempt can fail, and what is done about it when nobody says otherwise."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class FailureAction(StrEnum):
    """What follows a failed attempt."""

    RETRY = "retry"
    """Try again after the backoff; it spends one of the job's retries."""
    SNOOZE = "snooze"
    """Try again later, when the source said or after the backoff; it spends none, up to SNOOZE_LIMIT attempts."""
    FAIL = "fail"
    """The job fails at once."""
    IGNORE = "ignore"
    """The job fails at once, and nothing is held against its scraper: no statistics, no breaker."""


class FailureClass(StrEnum):
    """Why an attempt failed."""

    TIMEOUT = "timeout"
    NETWORK = "network"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate_limited"
    VALIDATION = "validation"
    NOT_FOUND = "not_found"
    LOGIN = "login"
    KILLED = "killed"
    PERMANENT = "permanent"
    BUG = "bug"
    ERROR = "error"

    @property
    def action(self) -> FailureAction:
        """What follows an attempt that failed this way."""
        return _ACTIONS[self]

    @property
    def retryable(self) -> bool:
        """Whether an attempt that failed this way may be tried again."""
        return self.action in (FailureAction.RETRY, FailureAction.SNOOZE)


# ERROR is a scraper that reports a failure without saying why: most of them are passing ones.
_ACTIONS = {
    FailureClass.TIMEOUT: FailureAction.RETRY,
    FailureClass.NETWORK: FailureAction.RETRY,
    FailureClass.BLOCKED: FailureAction.RETRY,
    FailureClass.RATE_LIMITED: FailureAction.SNOOZE,
    FailureClass.VALIDATION: FailureAction.FAIL,
    FailureClass.NOT_FOUND: FailureAction.IGNORE,
    FailureClass.LOGIN: FailureAction.FAIL,
    FailureClass.KILLED: FailureAction.RETRY,
    FailureClass.PERMANENT: FailureAction.FAIL,
    FailureClass.BUG: FailureAction.FAIL,
    FailureClass.ERROR: FailureAction.RETRY,
}


class Failure(msgspec.Struct, frozen=True):
    """One failed attempt: its class, a message for people, and whether to retry.

    `retry_after_seconds` is what the source asked for, None when it did not say.
    """

    failure_class: FailureClass
    message: str
    retryable: bool
    retry_after_seconds: float | None = None

    @property
    def action(self) -> FailureAction:
        """What follows: as its class says, unless who raised it said otherwise."""
        if self.retryable == self.failure_class.retryable:
            return self.failure_class.action
        return FailureAction.RETRY if self.retryable else FailureAction.FAIL


def failure(
    failure_class: FailureClass,
    message: str,
    *,
    retryable: bool | None = None,
    retry_after_seconds: float | None = None,
) -> Failure:
    """Build a Failure with the class's own retry policy unless `retryable` says otherwise."""
    again = failure_class.retryable if retryable is None else retryable
    return Failure(failure_class, message, again, retry_after_seconds)


TEXT_LIMIT = 8_000


def clean_text(text: str) -> str:
    """Make an error text storable and bounded: NUL removed, lone surrogates replaced, the middle of a long one cut.

    >>> clean_text("a\\0b")
    'ab'
    """
    text = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if len(text) <= TEXT_LIMIT:
        return text
    half = TEXT_LIMIT // 2
    return f"{text[:half]} […{len(text) - TEXT_LIMIT} characters left out…] {text[-half:]}"
