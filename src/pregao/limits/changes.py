"""A change of a scraper's limits, as it comes from outside: checked as a whole before anything of it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pregao.domain.errors import InvalidInput
from pregao.limits.catalogue import contradictions, flattened, key_of
from pregao.limits.layers import Layers
from pregao.limits.reading import Refused
from pregao.limits.values import plain


class InvalidLimits(InvalidInput):
    """One or more limits are invalid. `problems` has an InvalidInput for each."""

    def __init__(self, problems: list[InvalidInput]) -> None:
        first = problems[0]
        super().__init__(first.field, first.value, first.problem, first.fix)
        self.problems = problems
        self.args = ("\n".join(str(problem) for problem in problems),)


def read_changes(document: Mapping[str, Any], layers: Layers, scraper: str) -> dict[str, Any]:
    """The changes in a document: by dotted key the value as it is kept, None for one that is taken back.

    Groups may be nested: `{"backoff": {"jitter": 0.1}, "rate": null}`. Raises InvalidLimits, with all that is wrong, be
    it that two limits of the scraper would not go together.
    """
    if not document:
        fix = 'name at least one, for example {"timeout_seconds": 90}; null takes a change back'
        raise InvalidLimits([InvalidInput("body", {}, "changes no limit", fix)])
    values: dict[str, Any] = {}
    problems: list[InvalidInput] = []
    for name, given in flattened(document):
        try:
            key = key_of(name)
            values[name] = None if given is None else plain(key.read(given))
        except Refused as refused:
            problems.append(InvalidInput(f"{name}{refused.where}", given, refused.problem, refused.fix))
    if not problems:
        problems = _contradictions(values, layers, scraper)
    if problems:
        raise InvalidLimits(problems)
    return values


def _contradictions(changes: Mapping[str, Any], layers: Layers, scraper: str) -> list[InvalidInput]:
    before = layers.without_overrides(scraper)
    now = {name: setting.value for name, setting in layers.settings_of(scraper).items()}
    for name, value in changes.items():
        now[name] = before[name] if value is None else key_of(name).read(value)
    return [InvalidInput(name, now[name], problem, fix) for name, problem, fix in contradictions(now)]
