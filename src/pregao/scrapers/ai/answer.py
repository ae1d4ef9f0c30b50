"""What a language model answers, and what it takes for it."""

from __future__ import annotations

from dataclasses import dataclass

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import json_answers


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


def tokens(what: str, usage: object, field: str, *, required: bool = True) -> int:
    """A number of tokens in `usage`. Raises ScrapeError VALIDATION when it is no count, or `required` and missing."""
    found = json_answers.count(what, field, json_answers.at(usage, field))
    if found is None and required:
        raise json_answers.invalid(what, f"`{field}` is missing")
    return found or 0
