"""The metadata of a schedule: any mapping that a job can carry. What none can is told with its own path and line."""

from __future__ import annotations

import math
from typing import Any

from pregao.configuration.document import Located, Mapping
from pregao.configuration.form import Form
from pregao.domain.errors import InvalidInput
from pregao.domain.job import check_metadata

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def read_metadata(form: Form) -> dict[str, Any]:
    """The mapping below `metadata:`, empty when there is none."""
    field = form.get("metadata")
    if field is None:
        return {}
    if not isinstance(field.value, Mapping):
        form.report("metadata", "is not a mapping", "indent name: value pairs below it")
        return {}
    known = len(form.problems)
    _check(form, "metadata", field)
    plain = {name: entry.plain() for name, entry in field.value.entries.items()}
    if len(form.problems) == known:
        try:
            check_metadata(plain)
        except InvalidInput as error:
            form.report("metadata", error.problem, error.fix)
    return plain


def _check(form: Form, path: str, item: Located) -> None:
    match item.value:
        case Mapping() as mapping:
            _check_keys(form, path, mapping)
            for name, entry in mapping.entries.items():
                _check(form, f"{path}.{name}", entry)
        case list() as items:
            for number, entry in enumerate(items):
                _check(form, f"{path}[{number}]", entry)
        case str() as text if "\0" in text:
            form.report_at(path, item, "contains a NUL character", "remove it: PostgreSQL cannot store it")
        case float() as number if not math.isfinite(number):
            form.report_at(path, item, "is not a finite number", "write a number, or text in quotes")
        case int() as number if not _SMALLEST <= number <= _LARGEST:
            form.report_at(path, item, "is a whole number of more than 64 bits", "write it as text, in quotes")


def _check_keys(form: Form, path: str, mapping: Mapping) -> None:
    for name, entry in mapping.entries.items():
        line = mapping.key_lines[name]
        if name in mapping.not_text:
            form.report_at(f"{path}.{name}", entry, "has a name that is not text", f"write it as '{name}':", line)
        if "\0" in name:
            form.report_at(f"{path}.{name}", entry, "has a NUL character in its name", "remove it", line)
    for name, line, first in mapping.duplicates:
        told = f"is written twice, first on line {first}"
        form.report_at(f"{path}.{name}", mapping.entries[name], told, "keep one of the two", line)
