"""Bad input, explained: the field, the value that came, what is wrong with it, what to write instead."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

SHOWN_CHARACTERS = 200


class FieldError(msgspec.Struct, frozen=True):
    """One bad input: where it is, what came, what is wrong with it, what to send instead."""

    field: str
    value: Any
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.field} {self.problem}; {self.fix}"


def shown(value: object) -> object:
    """A value as an error shows it: as it came when it is short, else its beginning."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else reprlib.repr(value)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters)"


def explain(entry: Mapping[str, Any], known: Sequence[str]) -> FieldError:
    """Put one of pydantic's errors into our words; `known` are the names that the input may have."""
    where = [str(part) for part in entry["loc"]]
    field = ".".join(where[1:]) or where[0]
    problem, fix = _told(entry, where, known)
    if entry["type"] in ("missing", "json_invalid"):
        return FieldError("body" if entry["type"] == "json_invalid" else field, None, problem, fix)
    return FieldError(field, shown(entry["input"]), problem, fix)


def _told(entry: Mapping[str, Any], where: list[str], known: Sequence[str]) -> tuple[str, str]:
    """What is wrong with an input, in our words, and what to do about it."""
    context = entry.get("ctx", {})
    match entry["type"]:
        case "missing" if where == ["body"]:
            return "is missing", 'send a JSON object, for example {"scraper_name": "B3", "ticker": "PETR4"}'
        case "json_invalid":
            return f"is not JSON ({context.get('error')})", "send one well-formed JSON object in UTF-8"
        case "extra_forbidden":
            close = get_close_matches(where[-1], known, n=1)
            return "is not known here", f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        case "enum" | "literal_error":
            return "is not allowed", f"use one of {context['expected']}"
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than":
            return "is out of range", str(entry["msg"]).replace("Input should be", "use a value")
        case "refused":
            return str(context["problem"]), str(context["fix"])
        case kind:
            return _EXPLANATIONS.get(kind, ("is not allowed", str(entry["msg"])))


_NOT_A_BODY = ("is not a JSON object", "send one object, with Content-Type: application/json")
_NOT_WHOLE = ("is not a whole number", "use a whole number")
_NOT_A_NUMBER = ("is not a number", "use a number")
_EXPLANATIONS = {
    "missing": ("is missing", "add it"),
    "model_type": _NOT_A_BODY,
    "model_attributes_type": _NOT_A_BODY,
    "string_type": ("is not a text", 'write it in quotes, for example "PETR4"'),
    "int_type": _NOT_WHOLE,
    "int_parsing": _NOT_WHOLE,
    "int_from_float": _NOT_WHOLE,
    "float_type": _NOT_A_NUMBER,
    "float_parsing": _NOT_A_NUMBER,
    "finite_number": _NOT_A_NUMBER,
    "dict_type": ("is not an object", 'use a JSON object, for example {"asked_by": "daily report"}'),
}
