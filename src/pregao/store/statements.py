"""The SQL files, one statement each, read once and by name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """The text of `sql/{name}.sql`. Raises FileNotFoundError for a name that is not shipped."""
    return (files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
