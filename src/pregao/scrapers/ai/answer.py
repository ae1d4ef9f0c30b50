"""What a language model answers, and what it takes for it."""

from __future__ import annotations

from dataclasses import dataclass

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `thoughts` are those of thinking that are not in `completion`; `model` is as answered."""

    model: str
    prompt: int
    completion: int
    thoughts: int
    total: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A text, and why it ended there, in the source's words; `cut` says that the limit of tokens ended it."""

    text: str
    finish_reason: str
    cut: bool
    usage: Usage


class NoAnswer(ScrapeError):
    """A model took tokens and gave no text. It costs all the same, and would again: it is not retried."""

    def __init__(self, message: str, failure_class: FailureClass, usage: Usage | None) -> None:
        """`usage` is None where the source does not tell."""
        self.usage = usage
        super().__init__(message, failure_class, retryable=False)


def count(document: object, field: str, *, required: bool = True) -> int:
    """A number of tokens. Raises ScrapeError VALIDATION for one that is missing though `required`, or is no count."""
    value = document.get(field) if isinstance(document, dict) else None
    if value is None and not required:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ScrapeError(f"the answer lacks a count of tokens: {field} is {str(value)[:40]}", FailureClass.VALIDATION)
    return value
