"""What to do about a setting that is not allowed."""

from __future__ import annotations

from typing import Any


def fix_for(entry: Any) -> str:
    """The fix for one of the errors of pydantic's ValidationError."""
    context = entry.get("ctx", {})
    match entry["type"]:
        case "literal_error":
            return f"use {context['expected']}"
        case "int_parsing" | "int_from_float" | "int_type":
            return "use a whole number"
        case "finite_number":
            return "use a finite number"
        case "float_parsing":
            return "use a number"
        case "bool_parsing":
            return "use true or false"
        case "greater_than_equal":
            return f"use {_plain(context['ge'])} or more"
        case "less_than_equal":
            return f"use {_plain(context['le'])} or less"
        case "greater_than":
            return f"use more than {context['gt']:g}"
        case "value_error":
            return f"use {context['error']}"
        case _:
            return str(entry["msg"]).lower()


def _plain(number: float) -> float:
    """A whole number without its decimals."""
    return int(number) if float(number).is_integer() else number
