"""What is wrong with a file that people write: where, what, and what to write instead."""

from __future__ import annotations

import msgspec

from pregao.domain.errors import InvalidInput

_SHOWN = 120


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `line` counts from 1; it, `entry`, `field` and `value` are None where they do not apply.

    `entry` is the part of the file that it is about, and `kind` what such a part is: the schedule `rates`.
    """

    file: str
    line: int | None = None
    kind: str = "schedule"
    entry: str | None = None
    field: str | None = None
    value: str | None = None
    problem: str
    fix: str

    @property
    def place(self) -> str:
        """The file, and the line where there is one."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def document(self) -> dict[str, str | int | None]:
        """As JSON, with `kind` for the name of `entry`: `{"file": …, "line": 3, "schedule": "rates", …}`."""
        values = msgspec.structs.asdict(self)
        kind = values.pop("kind")
        return {kind if name == "entry" else name: value for name, value in values.items()}

    def __str__(self) -> str:
        """One line: `file:line: kind entry: field: value problem; fix`."""
        parts = [self.place]
        if self.entry is not None:
            parts.append(f"{self.kind} {printable(self.entry)}")
        if self.field is not None:
            parts.append(printable(self.field))
        value = "" if self.value is None else f"{shown(self.value)} "
        return f"{': '.join(parts)}: {value}{self.problem}; {self.fix}"


class FileRefused(InvalidInput):
    """A file cannot be read at all: it is missing or is not YAML."""

    def __init__(self, problem: Problem) -> None:
        self.details = problem
        super().__init__(f"{problem.kind}s", problem.place, problem.problem, problem.fix)

    def of_the_settings(self, variable: str) -> FileRefused:
        """The same for a file that nobody named: the settings did, and their `variable` can name another."""
        if self.details.line is not None:
            return self
        fix = f"{self.details.fix}, or set {variable} to the {self.details.kind} file's path"
        return FileRefused(msgspec.structs.replace(self.details, fix=fix))


def shown(value: str) -> str:
    """A value as it is quoted in a message, cut when it is long."""
    quoted = repr(value)
    return quoted if len(quoted) <= _SHOWN else quoted[: _SHOWN - 3] + "..."


def printable(name: str) -> str:
    """A name as it stands in a message of one line: as it is, or escaped."""
    return name if name.isprintable() else repr(name)[1:-1]
