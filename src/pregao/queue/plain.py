"""Any Python data as plain JSON values, with a list of the places where something was lost on the way."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections import deque
from collections.abc import Callable, KeysView, Mapping, Sequence, Set, ValuesView
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
import orjson

DEPTH_LIMIT = 100
"""Levels of lists and objects; deeper data is refused. Five calls a level stay well inside Python's own limit."""
PATHS_LIMIT = 50
_PATH_LIMIT_CHARS = 200
_EXACT_DIGITS_LIMIT = 1000
_INT64 = 1 << 63

Path: TypeAlias = "tuple[Path, str | int] | None"
"""The place of a value: its container's place and its key or index. None is the root."""
Handler: TypeAlias = "Callable[[PlainValues, Any, Path, int], Any]"


class Unstorable(ValueError):
    """The data has no JSON form."""


class PlainValues:
    """One conversion. `plain` converts, then `sanitised` lists the JSON paths at which something was lost."""

    def __init__(self) -> None:
        self._paths: list[str] = []
        self._unlisted = 0
        self._open: set[int] = set()
        self._handlers: dict[type, Handler] = {}

    def plain(self, data: object) -> Any:
        """Plain JSON values, ready for orjson. Raises Unstorable naming the path and the type."""
        return self._value(data, None, 0)

    def sanitised(self) -> list[str]:
        """Up to 50 JSON paths, and how many more there are."""
        return [*self._paths, f"and {self._unlisted} more"] if self._unlisted else self._paths

    def _value(self, value: Any, path: Path, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value, path)
        if value is None or kind is bool:
            return value
        if kind is float:
            return self._float(value, path)
        if kind is int:
            return self._integer(value, path)
        if kind is dict:
            return self._container(_object, value, path, depth)
        if kind is list:
            return self._container(_array, value, path, depth)
        return self._handler(kind)(self, value, path, depth)

    def _handler(self, kind: type) -> Handler:
        known = self._handlers.get(kind)
        if known is None:
            known = self._handlers[kind] = _handler_of(kind)
        return known

    def _container(self, build: Handler, value: Any, path: Path, depth: int) -> Any:
        if depth >= DEPTH_LIMIT:
            raise Unstorable(f"the result is nested deeper than {DEPTH_LIMIT} levels at {_shown(path)}")
        if id(value) in self._open:
            raise Unstorable(f"the result contains itself at {_shown(path)}")
        self._open.add(id(value))
        try:
            return build(self, value, path, depth + 1)
        finally:
            self._open.discard(id(value))

    def _text(self, text: str, path: Path) -> str:
        clean = text.replace("\x00", "") if "\x00" in text else text
        if not clean.isascii():
            try:
                clean.encode()
            except UnicodeEncodeError:
                clean = clean.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if clean is not text:
            self._lost(path)
        return clean

    def _float(self, number: float, path: Path) -> float | None:
        if number - number == 0.0:
            return number
        self._lost(path)
        return None

    def _integer(self, number: int, path: Path) -> Any:
        if -_INT64 <= number < _INT64:
            return number
        try:
            float(number)
        except OverflowError:
            # JSON readers, ours included, refuse numbers that no double can hold.
            self._lost(path)
            return None
        return orjson.Fragment(str(number).encode())

    def _decimal(self, number: Decimal, path: Path) -> Any:
        try:
            near = float(number)
        except ValueError:  # a signalling NaN
            near = float("nan")
        if self._float(near, path) is None:
            return None
        _, digits, exponent = number.as_tuple()
        exact = len(digits) <= _EXACT_DIGITS_LIMIT and int(exponent) >= -_EXACT_DIGITS_LIMIT
        return orjson.Fragment(str(number).encode()) if exact and Decimal(repr(near)) != number else near

    def _key(self, key: object, path: Path, depth: int) -> str:
        if type(key) is str:
            return self._text(key, (path, key))
        plain = self._value(key, (path, str(type(key).__name__)), depth)
        if isinstance(plain, str):
            return plain
        if isinstance(plain, dict | list):
            raise Unstorable(f"the result has a key of type {type(key).__name__} at {_shown(path)}; keys are strings")
        return orjson.dumps(plain).decode()

    def _lost(self, path: Path) -> None:
        if len(self._paths) < PATHS_LIMIT:
            self._paths.append(_shown(path))
        else:
            self._unlisted += 1


def _object(values: PlainValues, mapping: Mapping[object, object], path: Path, depth: int) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in mapping.items():
        name = values._key(key, path, depth)
        if name in plain:  # two keys that became the same string; the later one stands, as in JSON itself
            values._lost((path, name))
        plain[name] = values._value(value, (path, name), depth)
    return plain


def _array(values: PlainValues, items: Sequence[object], path: Path, depth: int) -> list[Any]:
    return [values._value(item, (path, index), depth) for index, item in enumerate(items)]


def _sorted_array(values: PlainValues, items: Set[Any], path: Path, depth: int) -> list[Any]:
    try:
        ordered = sorted(items)
    except TypeError:
        ordered = sorted(items, key=repr)
    return _array(values, ordered, path, depth)


def _numpy(values: PlainValues, value: Any, path: Path, depth: int) -> Any:
    converted = value.tolist() if hasattr(value, "tolist") else value.item()
    if type(converted) is type(value):  # longdouble: no Python number is as wide
        converted = float(value)
    return values._value(converted, path, depth)


def _moment(values: PlainValues, value: datetime | date | time, path: Path, depth: int) -> str | None:
    if value != value:  # what pandas calls not a time
        values._lost(path)
        return None
    return value.isoformat()


def _model(values: PlainValues, value: Any, path: Path, depth: int) -> Any:
    try:
        fields = value.model_dump()
    except Exception as error:
        raise Unstorable(f"the {type(value).__name__} at {_shown(path)} cannot be dumped: {error}") from error
    return values._value(fields, path, depth)


def _fields(names: Callable[[Any], Sequence[str]]) -> Handler:
    def build(values: PlainValues, value: Any, path: Path, depth: int) -> dict[str, Any]:
        return _object(values, {name: getattr(value, name) for name in names(value)}, path, depth)

    return _nested(build)


def _nested(build: Handler) -> Handler:
    return lambda values, value, path, depth: values._container(build, value, path, depth)


def _refuse(values: PlainValues, value: object, path: Path, depth: int) -> Any:
    kind = type(value)
    raise Unstorable(f"the result holds a {kind.__module__}.{kind.__qualname__} at {_shown(path)}; it has no JSON form")


def _handler_of(kind: type) -> Handler:
    if kind.__module__.partition(".")[0] == "numpy":
        return _numpy
    for types, handler in _BY_TYPE:
        if issubclass(kind, types):
            return handler
    if dataclasses.is_dataclass(kind):
        return _fields(lambda value: [field.name for field in dataclasses.fields(value)])
    if hasattr(kind, "model_dump") and hasattr(kind, "model_fields"):
        return _model
    return _refuse


# In this order: an enum may also be a string, a datetime is also a date, a set of keys is also a view.
_BY_TYPE: tuple[tuple[tuple[type, ...], Handler], ...] = (
    ((Enum,), lambda values, value, path, depth: values._value(value.value, path, depth)),
    ((str,), lambda values, value, path, depth: values._text(str.__str__(value), path)),
    ((int,), lambda values, value, path, depth: values._integer(int(value), path)),
    ((float,), lambda values, value, path, depth: values._float(float(value), path)),
    ((Decimal,), lambda values, value, path, depth: values._decimal(value, path)),
    ((bytes, bytearray, memoryview), lambda values, value, path, depth: base64.b64encode(bytes(value)).decode()),
    ((datetime, date, time), _moment),
    ((timedelta,), lambda values, value, path, depth: value.total_seconds()),
    ((UUID,), lambda values, value, path, depth: str(value)),
    ((msgspec.Struct,), _fields(lambda value: value.__struct_fields__)),
    ((Mapping,), _nested(_object)),
    ((KeysView, ValuesView, deque), _nested(_array)),
    ((Set,), _nested(_sorted_array)),
    ((Sequence,), _nested(_array)),
)


def _shown(path: Path) -> str:
    """`$.rows[3]["a b"].price`; the middle of an extremely long path is left out."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        if isinstance(step, int):
            steps.append(f"[{step}]")
        elif step.isidentifier():
            steps.append(f".{step}")
        else:
            steps.append(f"[{json.dumps(step)}]")
    shown = "$" + "".join(reversed(steps))
    if len(shown) <= _PATH_LIMIT_CHARS:
        return shown
    half = _PATH_LIMIT_CHARS // 2
    return f"{shown[:half]}…{shown[-half:]}"
