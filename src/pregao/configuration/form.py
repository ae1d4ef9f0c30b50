"""One entry of a file while it is read: typed access to its fields, and a list of everything that is wrong."""

from __future__ import annotations

import re
from difflib import get_close_matches

from pregao.configuration.document import Located, Mapping
from pregao.configuration.problem import Problem

_DIGITS = re.compile("-?[0-9]{1,100}")


class Form:
    """The fields of one entry, for example a schedule; '' stands for the file itself.

    Reading methods report and answer None instead of raising. `under` is put before the names of fields in messages,
    for a mapping inside of an entry: `backoff.`.
    """

    def __init__(
        self, file: str, entry: str, line: int, fields: Mapping, *, kind: str = "schedule", under: str = ""
    ) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.has_unknown = False
        self._file, self.line, self._fields = file, line, fields
        self.entry, self.kind, self._under = entry, kind, under

    def has(self, name: str) -> bool:
        """Whether the field is written, be it with an empty value."""
        return name in self._fields.entries

    def names(self) -> list[str]:
        """The fields in the order of the file."""
        return list(self._fields.entries)

    def get(self, name: str) -> Located | None:
        """The field's value, None when it is not written."""
        return self._fields.entries.get(name)

    def required(self, name: str) -> Located:
        """The value of a field that is known to be written."""
        return self._fields.entries[name]

    def report(self, name: str | None, problem: str, fix: str) -> None:
        """Note a problem with a field, or with the whole entry when `name` is None or is not written."""
        self.problems.append(self._finding(name, problem, fix))

    def report_at(self, path: str, item: Located, problem: str, fix: str, line: int | None = None) -> None:
        """Note a problem with something inside a field, on its own line unless `line` says where."""
        self.problems.append(
            Problem(
                file=self._file, line=line or item.line, kind=self.kind, entry=self.entry or None, field=path,
                value=item.text, problem=problem, fix=fix,
            )
        )  # fmt: skip

    def warn(self, name: str | None, problem: str, fix: str) -> None:
        """Note something odd that does not keep the entry from being used."""
        self.warnings.append(self._finding(name, problem, fix))

    def report_duplicates(self) -> None:
        """Report the keys that are written more than once."""
        for name, line, first in self._fields.duplicates:
            self.problems.append(
                Problem(
                    file=self._file, line=line, kind=self.kind, entry=self.entry or None, field=f"{self._under}{name}",
                    problem=f"is written twice, first on line {first}", fix="keep one of the two",
                )
            )  # fmt: skip

    def report_unknown(self, allowed: list[str], takes: str) -> None:
        """Report fields that are not `allowed`; `takes` says what would be: "cron takes hour, minute"."""
        for name in self.names():
            if name not in allowed:
                self.has_unknown = True
                close = get_close_matches(name.lower(), allowed, n=1, cutoff=0.6)
                fix = f"did you mean {close[0]}?" if close else "remove it"
                self.report(name, f"is not a field here: {takes}", fix)

    def text(self, name: str, *, blank: bool = False) -> str | None:
        """Text; a bare number counts as the text that was written."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value.value, bool) or not isinstance(value.value, str | int | float):
            self.report(name, "is not text", "write it in quotes")
            return None
        if not blank and not value.raw.strip():
            self.report(name, "is empty", "write a value or leave the field out")
            return None
        if "\0" in value.raw:
            self.report(name, "contains a NUL character", "remove it")
            return None
        return value.raw

    def boolean(self, name: str, default: bool) -> bool:
        """true or false."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value.value, bool):
            self.report(name, "is not true or false", "write true or false, without quotes")
            return default
        return value.value

    def choice(self, name: str, allowed: list[str]) -> str | None:
        """One of a few words, in any case."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value.value, str) and value.value.strip().lower() in allowed:
            return value.value.strip().lower()
        self.report(name, "is not allowed here", f"use {', '.join(allowed[:-1])} or {allowed[-1]}")
        return None

    def whole_number(self, name: str, *, at_least: int, at_most: int | None = None) -> int | None:
        """A whole number within limits; digits in quotes count too."""
        value = self.get(name)
        if value is None:
            return None
        number = value.value
        if isinstance(number, str) and _DIGITS.fullmatch(number.strip()):
            number = int(number)
        limits = f"{at_least} or more" if at_most is None else f"{at_least} to {at_most}"
        if isinstance(number, bool) or not isinstance(number, int):
            self.report(name, "is not a whole number", f"use {limits}")
            return None
        if number < at_least or (at_most is not None and number > at_most):
            self.report(name, "is out of range", f"use {limits}")
            return None
        return number

    def seconds(self, name: str, *, above: float | None = None, at_most: float) -> float | None:
        """A number of seconds from 0 (or more than `above`) to `at_most`."""
        value = self.get(name)
        if value is None:
            return None
        number = value.value
        limits = f"a number from 0 to {at_most:.0f}" if above is None else f"more than {above:g}, at most {at_most:.0f}"
        if isinstance(number, bool) or not isinstance(number, int | float) or number != number:
            self.report(name, "is not a number of seconds", f"use {limits}")
            return None
        if number > at_most or number < 0 or (above is not None and number <= above):
            self.report(name, "is out of range", f"use {limits}")
            return None
        return float(number)

    def _finding(self, name: str | None, problem: str, fix: str) -> Problem:
        value = None if name is None else self.get(name)
        line = self.line if name is None else self._fields.key_lines.get(name, self.line)
        return Problem(
            file=self._file, line=line, kind=self.kind, entry=self.entry or None,
            field=None if name is None else f"{self._under}{name}",
            value=None if value is None else value.text, problem=problem, fix=fix,
        )  # fmt: skip
