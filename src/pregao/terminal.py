"""Text of unknown origin, made safe for a terminal: tickers and errors may hold anything, escape sequences included."""

from __future__ import annotations

import re

_COMMAND = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""A control sequence as ECMA-48 defines it: colours, cursor moves, and the like."""


def printable(text: str, *, keep: str = "") -> str:
    """`text` without control sequences, and a space for each other character that has no shape but those in `keep`."""
    plain = _COMMAND.sub("", text)
    return "".join(character if character.isprintable() or character in keep else " " for character in plain)
