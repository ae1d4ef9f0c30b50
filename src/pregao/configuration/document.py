"""YAML with the line of everything in it. YAML 1.2: `on` is text and 10:30 is not 630.

The text is composed to nodes and read here, not constructed: a constructor stops at the first duplicate key, and
drops the lines.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from pregao.configuration.problem import FileRefused, Problem

Scalar = None | bool | int | float | str

_TAG = "tag:yaml.org,2002:"
_DEPTH_LIMIT = 50
_SIZE_LIMIT = 200_000
_DIGITS_LIMIT = 1000
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_NOT_TEXT = frozenset({"null", "bool", "int", "float"})


class Located(msgspec.Struct, frozen=True):
    """A value with its line, from 1. `raw` is a scalar as it was written, without quotes."""

    line: int
    value: Scalar | list[Located] | Mapping
    raw: str = ""

    @property
    def text(self) -> str:
        """The value for a message."""
        match self.value:
            case Mapping():
                return "{…}" if self.value.entries else "{}"
            case list() as items:
                return f"[{', '.join(item.text for item in items)}]"
            case _:
                return self.raw

    def plain(self) -> object:
        """The value without lines, as JSON knows it."""
        match self.value:
            case Mapping(entries=entries):
                return {name: entry.plain() for name, entry in entries.items()}
            case list() as items:
                return [item.plain() for item in items]
            case scalar:
                return scalar


class Mapping(msgspec.Struct, frozen=True):
    """A mapping by the text of its keys, as they were written.

    `duplicates` are the repeated keys: name, line of the repetition, line of the first. `not_text` are the keys that
    YAML takes for a number, for true, false or null.
    """

    entries: dict[str, Located]
    key_lines: dict[str, int]
    duplicates: list[tuple[str, int, int]]
    not_text: set[str]


def read_yaml(path: Path, kind: str = "schedule") -> Located | None:
    """Read one YAML document; None when there is nothing in it. Raises FileRefused, for a file of this `kind`."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _refused(path, None, "does not exist", "check the path", kind) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, None, f"cannot be read: {error}", "make it a readable UTF-8 text file", kind) from error
    return parse_yaml(text, path, kind)


def parse_yaml(text: str, path: Path, kind: str) -> Located | None:
    """The same for a text; `path` is where it is from."""
    parser = YAML(typ="rt", pure=True)
    try:
        node = parser.compose(text)
        return None if node is None else _Reader(path, kind).locate(node)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        what = " ".join(part.strip() for part in (error.context, error.problem) if part)
        raise _refused(path, line, f"is not YAML: {what}", "mend the syntax; indent with spaces", kind) from error
    except YAMLError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _refused(path, 1, f"is not YAML: {reason}", "mend the syntax", kind) from error


def _refused(path: Path, line: int | None, problem: str, fix: str, kind: str) -> FileRefused:
    return FileRefused(Problem(file=str(path), line=line, kind=kind, problem=problem, fix=fix))


class _Reader:
    """Turns nodes into located values; anchors are expanded, within bounds."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path, self._kind = path, kind
        self._size = 0

    def locate(self, node: Node, depth: int = 0) -> Located:
        self._size += 1
        line = node.start_mark.line + 1
        if depth > _DEPTH_LIMIT or self._size > _SIZE_LIMIT:
            limits = f"is nested deeper than {_DEPTH_LIMIT} levels or holds more than {_SIZE_LIMIT} values"
            raise self._refused(line, limits, "split it, or use fewer anchors")
        self._check_text(node)
        if isinstance(node, MappingNode):
            return Located(line, self._mapping(node, depth))
        if isinstance(node, SequenceNode):
            return Located(line, [self.locate(item, depth + 1) for item in node.value])
        return Located(line, _scalar(node), str(node.value))

    def _mapping(self, node: MappingNode, depth: int) -> Mapping:
        found = Mapping({}, {}, [], set())
        merged: list[Located] = []
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                sources = value.value if isinstance(value, SequenceNode) else [value]
                merged += [self.locate(source, depth + 1) for source in sources]
                continue
            name, line = self._key(key), key.start_mark.line + 1
            if name in found.entries:
                found.duplicates.append((name, line, found.key_lines[name]))
                continue
            found.entries[name] = self.locate(value, depth + 1)
            found.key_lines[name] = line
            if _kind(key) in _NOT_TEXT:
                found.not_text.add(name)
        for source in merged:
            self._merge(found, source)
        return found

    def _merge(self, found: Mapping, source: Located) -> None:
        if not isinstance(source.value, Mapping):
            raise _refused(
                self._path, source.line, "has `<<` with no mapping", "merge an anchor of a mapping", self._kind
            )
        for name, entry in source.value.entries.items():
            if name not in found.entries:
                found.entries[name] = entry
                found.key_lines[name] = source.value.key_lines[name]
                found.not_text.update(source.value.not_text & {name})

    def _refused(self, line: int, problem: str, fix: str) -> FileRefused:
        return _refused(self._path, line, problem, fix, self._kind)

    def _key(self, key: Node) -> str:
        if not isinstance(key.value, str):
            raise _refused(
                self._path, key.start_mark.line + 1, "has a list or mapping for a name", "use text", self._kind
            )
        self._check_text(key)
        return key.value

    def _check_text(self, node: Node) -> None:
        if isinstance(node.value, str) and _HALF_A_PAIR.search(node.value):
            line = node.start_mark.line + 1
            raise _refused(
                self._path, line, "has half a surrogate pair in its text", "write well-formed Unicode", self._kind
            )


def _scalar(node: Node) -> Scalar:
    raw: str = node.value
    kind = _kind(node)
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return raw.lower() == "true"
        if kind == "int":
            digits = raw.replace("_", "")
            if digits.lstrip("+-").startswith(("0o", "0x", "0b")):
                return int(digits, 0)
            # Python reads no longer ones; this one is out of every range, and so is infinity.
            return int(digits) if len(digits) <= _DIGITS_LIMIT else float(digits)
        if kind == "float":
            return float(raw.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        # A %YAML 1.1 directive makes 10:30 an "int"; to us it is the text that was written.
        return raw
    return raw


def _kind(node: Node) -> str:
    return str(node.tag).removeprefix(_TAG)
