"""The YAML of a schedule file with the line of everything in it. YAML 1.2: `on` is text and 10:30 is not 630.

The text is composed to nodes and read here, not constructed: a constructor stops at the first duplicate key, and
drops the lines.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pregao.scheduler.problem import Problem, ScheduleFileRefused

Scalar = None | bool | int | float | str

_TAG = "tag:yaml.org,2002:"
_DEPTH_LIMIT = 50


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
        return None if node is None else _locate(node, 0)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        what = " ".join(part.strip() for part in (error.context, error.problem) if part)
        raise _refused(path, line, f"is not YAML: {what}", "mend the syntax; indent with spaces") from error
    except (YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _refused(path, 1, f"is not YAML: {reason}", "mend the syntax") from error


def _refused(path: Path, line: int, problem: str, fix: str) -> ScheduleFileRefused:
    return ScheduleFileRefused(Problem(file=str(path), line=line, problem=problem, fix=fix))


def _locate(node: Node, depth: int) -> Located:
    if depth > _DEPTH_LIMIT:
        raise RecursionError(f"nested deeper than {_DEPTH_LIMIT} levels")
    line = node.start_mark.line + 1
    if isinstance(node, ScalarNode):
        return Located(line, _scalar(node), node.value)
    if isinstance(node, SequenceNode):
        return Located(line, [_locate(item, depth + 1) for item in node.value])
    return Located(line, _mapping(node, depth))


def _mapping(node: MappingNode, depth: int) -> Mapping:
    found = Mapping({}, {}, [])
    merged: list[Mapping] = []
    for key, value in node.value:
        if key.tag == f"{_TAG}merge":
            sources = value.value if isinstance(value, SequenceNode) else [value]
            merged += [_mapping(source, depth + 1) for source in sources if isinstance(source, MappingNode)]
            continue
        name, line = str(key.value), key.start_mark.line + 1
        if name in found.entries:
            found.duplicates.append((name, line, found.key_lines[name]))
            continue
        found.entries[name] = _locate(value, depth + 1)
        found.key_lines[name] = line
    for source in merged:
        for name, entry in source.entries.items():
            found.entries.setdefault(name, entry)
            found.key_lines.setdefault(name, source.key_lines[name])
    return found


def _scalar(node: ScalarNode) -> Scalar:
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
