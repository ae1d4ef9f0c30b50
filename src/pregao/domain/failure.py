"""How an attempt can fail, and whether trying again can help."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class FailureClass(StrEnum):
    """Why an attempt failed. Transient classes are retried, permanent ones are not."""

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
    def retryable(self) -> bool:
        """Whether an attempt that failed this way may be tried again."""
        return self in _RETRYABLE


# ERROR is a scraper that reports a failure without saying why: most of them are passing ones.
_RETRYABLE = frozenset(
    {
        FailureClass.TIMEOUT,
        FailureClass.NETWORK,
        FailureClass.BLOCKED,
        FailureClass.RATE_LIMITED,
        FailureClass.KILLED,
        FailureClass.ERROR,
    }
)


class Failure(msgspec.Struct, frozen=True):
    """One failed attempt: its class, a message for people, and whether to retry."""

    failure_class: FailureClass
    message: str
    retryable: bool


def failure(failure_class: FailureClass, message: str, *, retryable: bool | None = None) -> Failure:
    """Build a Failure with the class's own retry policy unless `retryable` says otherwise."""
    return Failure(failure_class, message, failure_class.retryable if retryable is None else retryable)


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
