"""What is wrong with a schedule file: where, what, and what to write instead."""

from __future__ import annotations

import msgspec

from pregao.domain.errors import InvalidInput

_SHOWN = 120


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `line` counts from 1; `schedule`, `field` and `value` are None where they do not apply."""

    file: str
    line: int
    schedule: str | None = None
    field: str | None = None
    value: str | None = None
    problem: str
    fix: str

    def __str__(self) -> str:
        """One line: `file:line: schedule name: field: value problem; fix`."""
        parts = [f"{self.file}:{self.line}"]
        if self.schedule is not None:
            parts.append(f"schedule {self.schedule}")
        if self.field is not None:
            parts.append(self.field)
        value = "" if self.value is None else f"{shown(self.value)} "
        return f"{': '.join(parts)}: {value}{self.problem}; {self.fix}"


class ScheduleFileRefused(InvalidInput):
    """The schedule file cannot be read at all: it is missing or is not YAML."""

    def __init__(self, problem: Problem) -> None:
        self.details = problem
        super().__init__("schedules", f"{problem.file}:{problem.line}", problem.problem, problem.fix)


def shown(value: str) -> str:
    """A value as it is quoted in a message, cut when it is long."""
    quoted = repr(value)
    return quoted if len(quoted) <= _SHOWN else quoted[: _SHOWN - 3] + "..."
