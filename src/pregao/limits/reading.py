"""Readers of single values: each takes what was written, as JSON knows it, and refuses what it cannot be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from pregao.limits.rate import Rate, parse_rate
from pregao.limits.values import Bounds, SessionFile

NONE = "none"
_HOST = re.compile(
    r"(?=.{1,253}(?::|$))[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*(?::[0-9]{1,5})?"
)
_TEXT_LIMIT = 500
_DAYS_LIMIT = 3660.0

Read = Callable[[object], Any]
E_ = TypeVar("E_", bound=StrEnum)


class Refused(ValueError):
    """A value cannot be what it should be. `where` is the place inside of it: `[1].path`."""

    def __init__(self, problem: str, fix: str, where: str = "") -> None:
        self.problem, self.fix, self.where = problem, fix, where
        super().__init__(f"{problem}; {fix}")


def or_none(read: Read) -> Read:
    """The same, or the word `none` for no limit."""

    def either(given: object) -> Any:
        if isinstance(given, str) and given.strip().lower() == NONE:
            return None
        try:
            return read(given)
        except Refused as refused:
            raise Refused(refused.problem, f"{refused.fix}; or none", refused.where) from None

    return either


def flag(given: object) -> bool:
    """True or false."""
    if not isinstance(given, bool):
        raise Refused("is not true or false", "write true or false, without quotes")
    return given


def whole(at_least: int, at_most: int) -> Read:
    """A whole number within limits."""

    def read(given: object) -> int:
        fix = f"use {at_least} to {at_most}"
        if isinstance(given, bool) or not isinstance(given, int):
            raise Refused("is not a whole number", fix)
        if not at_least <= given <= at_most:
            raise Refused("is out of range", fix)
        return given

    return read


def number(at_least: float, at_most: float, *, above: bool = False) -> Read:
    """A number within limits; `above` leaves `at_least` itself out."""

    def read(given: object) -> float:
        fix = f"use {'more than ' if above else ''}{at_least:g} {'and at most' if above else 'to'} {at_most:g}"
        if isinstance(given, bool) or not isinstance(given, int | float) or math.isnan(given):
            raise Refused("is not a number", fix)
        if not at_least <= given <= at_most or (above and given == at_least):
            raise Refused("is out of range", fix)
        return float(given)

    return read


def rate(given: object) -> Rate:
    """How often, as `30/min`."""
    found = parse_rate(given) if isinstance(given, str) else None
    if found is None:
        raise Refused("is not a rate", "write for example 30/min; with s, min, h or day, from 1 to 1000000")
    return found


def text(given: object) -> str:
    """Text of one line."""
    if not isinstance(given, str):
        raise Refused("is not text", "write it in quotes")
    if not given.strip() or not given.isprintable() or len(given) > _TEXT_LIMIT:
        raise Refused("cannot be used", f"write 1 to {_TEXT_LIMIT} printable characters")
    return given


def word(*allowed: str) -> Read:
    """One of a few words, in any case."""

    def read(given: object) -> str:
        if not isinstance(given, str) or given.strip().lower() not in allowed:
            raise Refused("is not allowed here", f"use {', '.join(allowed[:-1])} or {allowed[-1]}")
        return given.strip().lower()

    return read


def member(words: type[E_]) -> Read:
    """One of an enumeration's words."""
    read_word = word(*(item.value for item in words))

    def read(given: object) -> E_:
        return words(read_word(given))

    return read


def host(given: object) -> str:
    """The name of a host, with a port where it is an unusual one."""
    if not isinstance(given, str):
        raise Refused("is not a host", "write its name, for example www.b3.com.br")
    name = given.strip().lower().rstrip(".")
    if "/" in name:
        raise Refused(
            "is an address, not a host", f"write {name.split('/')[2] if '//' in name else name.split('/')[0]}"
        )
    if not _HOST.fullmatch(name):
        raise Refused("is not a host", "write its name, for example www.b3.com.br")
    return name


def listed(read: Read) -> Read:
    """A list, or one item; each item once, in its order."""

    def items(given: object) -> tuple[Any, ...]:
        values = given if isinstance(given, list) else [given]
        found = []
        for at, value in enumerate(values):
            found.append(_inside(read, value, f"[{at}]" if isinstance(given, list) else ""))
        return tuple(dict.fromkeys(found))

    return items


def by_field(read: Read, example: str) -> Read:
    """A mapping of the fields of a result."""

    def fields(given: object) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise Refused("is not a mapping of fields", f"write for example {example}")
        return {
            _inside(text, name, ""): _inside(read, value, f".{name}" if isinstance(name, str) else "")
            for name, value in given.items()
        }

    return fields


def bounds(given: object) -> Bounds:
    """A range of numbers: `{min: 0, max: 100}`."""
    _check_keys(given, ("min", "max"), "{min: 0, max: 100}")
    assert isinstance(given, Mapping)
    ends = {name: _inside(_any_number, value, f".{name}") for name, value in given.items()}
    if not ends:
        raise Refused("has neither min nor max", "write for example {min: 0, max: 100}")
    found = Bounds(**ends)
    if found.min is not None and found.max is not None and found.min > found.max:
        raise Refused("ends before it begins", "swap min and max")
    return found


def session_file(given: object) -> SessionFile:
    """A file of cookies: its path, or `{path: …, max_age_days: 7, cookies: [session]}`."""
    if isinstance(given, str):
        return SessionFile(path=text(given))
    _check_keys(given, ("path", "max_age_days", "cookies"), "{path: cookies/site.json, max_age_days: 7}")
    assert isinstance(given, Mapping)
    if "path" not in given:
        raise Refused("has no path", "write for example {path: cookies/site.json, max_age_days: 7}")
    readers: dict[str, Read] = {
        "path": text,
        "max_age_days": number(0, _DAYS_LIMIT, above=True),
        "cookies": listed(text),
    }
    return SessionFile(**{name: _inside(readers[name], value, f".{name}") for name, value in given.items()})


def _any_number(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise Refused("is not a number", "use a finite number")
    return float(given)


def _inside(read: Read, given: object, where: str) -> Any:
    try:
        return read(given)
    except Refused as refused:
        raise Refused(refused.problem, refused.fix, where + refused.where) from None


def _check_keys(given: object, allowed: tuple[str, ...], example: str) -> None:
    if not isinstance(given, Mapping):
        raise Refused("is not a mapping", f"write for example {example}")
    for name in given:
        if name not in allowed:
            raise Refused(f"has {name!r}, which is not known", f"use {', '.join(allowed)}")
