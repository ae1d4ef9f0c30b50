"""The YAML of a schedule file with the line of everything in it. YAML 1.2: `on` is text and 10:30 is not 630.

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

from pregao.scheduler.problem import Problem, ScheduleFileRefused

Scalar = None | bool | int | float | str

_TAG = "tag:yaml.org,2002:"
_DEPTH_LIMIT = 50
_SIZE_LIMIT = 200_000
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


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
    """A mapping; `duplicates` are the repeated keys: name, line of the repetition, line of the first."""

    entries: dict[str, Located]
    key_lines: dict[str, int]
    duplicates: list[tuple[str, int, int]]


def read_yaml(path: Path) -> Located | None:
    """Read one YAML document; None when there is nothing in it. Raises ScheduleFileRefused."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _refused(path, 1, "does not exist", "set PREGAO_SCHEDULES to the schedule file's path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, 1, f"cannot be read: {error}", "make it a readable UTF-8 text file") from error
    parser = YAML(typ="rt", pure=True)
    try:
        node = parser.compose(text)
        return None if node is None else _Reader().locate(node)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        what = " ".join(part.strip() for part in (error.context, error.problem) if part)
        raise _refused(path, line, f"is not YAML: {what}", "mend the syntax; indent with spaces") from error
    except YAMLError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _refused(path, 1, f"is not YAML: {reason}", "mend the syntax") from error


def _refused(path: Path, line: int, problem: str, fix: str) -> ScheduleFileRefused:
    return ScheduleFileRefused(Problem(file=str(path), line=line, problem=problem, fix=fix))


class _Reader:
    """Turns nodes into located values; anchors are expanded, within bounds."""

    def __init__(self) -> None:
        self._size = 0

    def locate(self, node: Node, depth: int = 0) -> Located:
        self._size += 1
        if depth > _DEPTH_LIMIT or self._size > _SIZE_LIMIT:
            raise YAMLError(f"it is nested deeper than {_DEPTH_LIMIT} levels or holds more than {_SIZE_LIMIT} values")
        line = node.start_mark.line + 1
        if isinstance(node.value, str) and _UNSTORABLE.search(node.value):
            raise YAMLError(f"line {line} has a NUL or half a surrogate pair in its text, which cannot be stored")
        if isinstance(node, MappingNode):
            return Located(line, self._mapping(node, depth))
        if isinstance(node, SequenceNode):
            return Located(line, [self.locate(item, depth + 1) for item in node.value])
        return Located(line, _scalar(node), str(node.value))

    def _mapping(self, node: MappingNode, depth: int) -> Mapping:
        found = Mapping({}, {}, [])
        merged: list[Located] = []
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                sources = value.value if isinstance(value, SequenceNode) else [value]
                merged += [self.locate(source, depth + 1) for source in sources]
                continue
            name, line = str(key.value), key.start_mark.line + 1
            if name in found.entries:
                found.duplicates.append((name, line, found.key_lines[name]))
                continue
            found.entries[name] = self.locate(value, depth + 1)
            found.key_lines[name] = line
        for source in merged:
            if not isinstance(source.value, Mapping):
                raise YAMLError(f"line {source.line}: `<<` merges mappings only")
            for name, entry in source.value.entries.items():
                found.entries.setdefault(name, entry)
                found.key_lines.setdefault(name, source.value.key_lines[name])
        return found


def _scalar(node: Node) -> Scalar:
    raw: str = node.value
    kind = str(node.tag).removeprefix(_TAG)
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return raw.lower() == "true"
        if kind == "int":
            digits = raw.replace("_", "")
            return int(digits, 0) if digits.lstrip("+-").startswith(("0o", "0x", "0b")) else int(digits)
        if kind == "float":
            return float(raw.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        # A %YAML 1.1 directive makes 10:30 an "int"; to us it is the text that was written.
        return raw
    return raw
