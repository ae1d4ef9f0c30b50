"""Reads config/scrapers.yaml: limits of scrapers and hosts. Every problem is found at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pregao.configuration.document import Located, read_yaml
from pregao.configuration.document import Mapping as YamlMapping
from pregao.configuration.form import Form
from pregao.configuration.problem import Problem
from pregao.domain.errors import InvalidInput
from pregao.domain.names import counted, fold
from pregao.limits.catalogue import (
    DEFAULTS,
    GROUPS,
    HOST_KEYS,
    SCRAPER_KEYS,
    Key,
    contradictions,
    names_within,
)
from pregao.limits.reading import Refused, host
from pregao.limits.values import HostLimits
from pregao.scrapers.registry import AmbiguousScraper

SECTIONS = ("defaults", "scrapers", "hosts")
Resolve = Callable[[str], str]


class Section(msgspec.Struct, frozen=True):
    """One entry of the file: typed values by dotted key, and the line of each. `name` is the full one where known."""

    name: str
    values: dict[str, Any]
    lines: dict[str, int]


class LimitsFile(msgspec.Struct, frozen=True):
    """What the file holds. `scrapers` are by folded name. Values with a problem are left out, all others are there.

    `missing` says that there is no file, `blank` that there is none or nothing but comments in it.
    """

    path: Path
    defaults: Section
    scrapers: dict[str, Section]
    hosts: dict[str, HostLimits]
    problems: list[Problem]
    warnings: list[Problem]
    missing: bool = False
    blank: bool = False

    @property
    def usable(self) -> bool:
        """Whether it may take the place of what was loaded before."""
        return not self.problems

    @property
    def summary(self) -> str:
        """How much is in it."""
        return f"limits of {counted(len(self.scrapers), 'scraper')} and {counted(len(self.hosts), 'host')}"

    def values_of(self, scraper: str) -> dict[str, Any]:
        """What the file says of a scraper (folded), its own word before that of `defaults`."""
        own = self.scrapers.get(scraper)
        return self.defaults.values | ({} if own is None else own.values)


def empty_file(path: Path, *, missing: bool = False, blank: bool = False) -> LimitsFile:
    """A file that says nothing."""
    return LimitsFile(path, Section("defaults", {}, {}), {}, {}, [], [], missing, missing or blank)


def load_limits(path: Path, resolve: Resolve) -> LimitsFile:
    """Read and check the file; one that is not there says nothing.

    `resolve` turns a loose scraper name into the canonical one, and raises AmbiguousScraper, or another InvalidInput
    for a scraper that is not here. Raises FileRefused when it is no YAML; all else is listed in `problems`.
    """
    if _is_missing(path):
        return empty_file(path, missing=True)
    document = read_yaml(path, "scraper")
    if document is None or document.value is None:
        return empty_file(path, blank=True)
    file = empty_file(path)
    if not isinstance(document.value, YamlMapping):
        fix = "write defaults:, scrapers: and hosts:, with what they hold below them"
        file.problems.append(
            Problem(
                file=str(path), line=document.line, kind="scraper", value=document.text,
                problem="is not a mapping", fix=fix,
            )
        )  # fmt: skip
        return file
    _Reader(file, resolve).read(document.line, document.value)
    return file


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # reading it tells what is wrong
    return False


class _Reader:
    def __init__(self, file: LimitsFile, resolve: Resolve) -> None:
        self._file, self._resolve = file, resolve
        self._name = str(file.path)

    def read(self, line: int, document: YamlMapping) -> None:
        top = Form(self._name, "", line, document, kind="scraper")
        top.report_duplicates()
        anchors = [name for name in top.names() if name.startswith("x-")]
        top.report_unknown([*SECTIONS, *anchors], "the file takes defaults, scrapers, hosts, and x-… for anchors")
        self._take_findings(top)
        self._read_defaults(top)
        for name, line, section in self._entries(top, "scrapers"):
            self._read_scraper(name, line, section)
        for name, line, section in self._entries(top, "hosts"):
            self._read_host(name, line, section)
        self._check_hosts(document)

    def _entries(self, top: Form, section: str) -> list[tuple[str, int, YamlMapping]]:
        """The entries below `scrapers:` or `hosts:`; one with nothing below it says nothing."""
        kind = section.removesuffix("s")
        located = top.get(section)
        if located is None or located.value is None:
            return []
        if not isinstance(located.value, YamlMapping):
            self._report(located.line, kind, None, section, located.text, "is not a mapping of names",
                         f"indent each {kind} below it by name")  # fmt: skip
            return []
        listing = located.value
        for name, line, first in listing.duplicates:
            self._report(line, kind, name, None, None, f"is written twice, first on line {first}", "join the two")
        found = []
        for name, entry in listing.entries.items():
            if isinstance(entry.value, YamlMapping):
                found.append((name, listing.key_lines[name], entry.value))
            elif entry.value is not None:
                self._report(listing.key_lines[name], kind, name, None, entry.text, "has no keys below it",
                             "indent its limits below its name: concurrency, rate …")  # fmt: skip
        return found

    def _read_defaults(self, top: Form) -> None:
        located = top.get("defaults")
        if located is None or located.value is None:
            return
        if not isinstance(located.value, YamlMapping):
            self._report(located.line, "scraper", None, "defaults", located.text, "is not a mapping",
                         "indent the limits of all scrapers below it")  # fmt: skip
            return
        form = Form(self._name, "defaults", located.line, located.value, kind="section")
        shared = {name: key for name, key in SCRAPER_KEYS.items() if not key.own}
        for name in form.names():
            if name in SCRAPER_KEYS and name not in shared:
                form.report(name, "belongs to one scraper", "write it below the scraper's name")
        allowed = [*names_within("", shared), *(name for name in SCRAPER_KEYS if name not in shared)]
        self._read_keys(form, located.value, self._file.defaults, shared, allowed)
        self._check_together(form, self._file.defaults)
        self._take_findings(form)

    def _read_scraper(self, name: str, line: int, fields: YamlMapping) -> None:
        form = Form(self._name, name, line, fields, kind="scraper")
        canonical = self._canonical(form, name)
        section = Section(canonical, {}, {})
        self._read_keys(form, fields, section, SCRAPER_KEYS, names_within(""))
        self._check_together(form, section)
        folded = fold(canonical)
        if not folded:
            form.report(None, "is not the name of a scraper", "use letters or digits")
        elif folded in self._file.scrapers:
            other = self._file.scrapers[folded].name
            form.report(None, f"is {other}, which is in the file already", "join the two")
        else:
            self._file.scrapers[folded] = section
        self._take_findings(form)

    def _canonical(self, form: Form, name: str) -> str:
        try:
            return self._resolve(name)
        except AmbiguousScraper as error:
            form.report(None, error.problem, error.fix)
        except InvalidInput as error:
            form.warn(None, f"{error.problem} here", error.fix)
        return name

    def _read_host(self, name: str, line: int, fields: YamlMapping) -> None:
        form = Form(self._name, name, line, fields, kind="host")
        section = Section(name, {}, {})
        self._read_keys(form, fields, section, HOST_KEYS, list(HOST_KEYS))
        try:
            canonical = host(name)
        except Refused as refused:
            form.report(None, refused.problem, refused.fix)
        else:
            if canonical in self._file.hosts:
                form.report(None, "is in the file already", "join the two")
            else:
                self._file.hosts[canonical] = HostLimits(**section.values)
        self._take_findings(form)

    def _read_keys(
        self,
        form: Form,
        fields: YamlMapping,
        section: Section,
        keys: Mapping[str, Key],
        allowed: list[str],
        prefix: str = "",
    ) -> None:
        """Read the keys at one place, and those of the groups below it."""
        form.report_duplicates()
        form.report_unknown(allowed, f"{prefix.rstrip('.') or 'it'} takes {', '.join(names_within(prefix, keys))}")
        for name, located in fields.entries.items():
            full, line = f"{prefix}{name}", fields.key_lines[name]
            if not prefix and full in GROUPS and keys is not HOST_KEYS:
                self._read_group(form, full, line, located, section, keys)
            elif full in keys:
                self._read_value(form, name, located, section, keys[full], line)

    def _read_group(
        self, form: Form, group: str, line: int, located: Located, section: Section, keys: Mapping[str, Key]
    ) -> None:
        if located.value is None:
            return
        inside = names_within(f"{group}.", keys)
        if not isinstance(located.value, YamlMapping):
            form.report(group, "is not a mapping", f"indent below it {', '.join(inside)}")
            return
        nested = Form(self._name, form.entry, line, located.value, kind=form.kind, under=f"{group}.")
        self._read_keys(nested, located.value, section, keys, inside, f"{group}.")
        form.problems += nested.problems

    def _read_value(self, form: Form, name: str, located: Located, section: Section, key: Key, line: int) -> None:
        if located.value is None:
            form.report(name, "is empty", "write a value, or leave it out")
            return
        try:
            section.values[key.name] = key.read(_given(located, key))
        except Refused as refused:
            if refused.where:
                form.report_at(f"{key.name}{refused.where}", located, refused.problem, refused.fix, line)
            else:
                form.report(name, refused.problem, refused.fix)
        else:
            section.lines[key.name] = line

    def _check_together(self, form: Form, section: Section) -> None:
        values = {**DEFAULTS, **self._file.defaults.values, **section.values}
        for name, problem, fix in contradictions(values):
            self._report(
                section.lines.get(name, form.line), form.kind, form.entry, name, str(values[name]), problem, fix
            )

    def _check_hosts(self, document: YamlMapping) -> None:
        declared = {name for section in self._file.scrapers.values() for name in section.values.get("hosts", ())}
        listing = document.entries.get("hosts")
        lines = listing.value.key_lines if listing and isinstance(listing.value, YamlMapping) else {}
        for name in self._file.hosts:
            if name not in declared:
                self._file.warnings.append(
                    Problem(
                        file=self._name, line=lines.get(name), kind="host", entry=name,
                        problem="is declared by no scraper", fix="add it to the `hosts` of those that ask it",
                    )
                )  # fmt: skip

    def _report(
        self, line: int, kind: str, entry: str | None, field: str | None, value: str | None, problem: str, fix: str
    ) -> None:
        self._file.problems.append(
            Problem(file=self._name, line=line, kind=kind, entry=entry, field=field, value=value,
                    problem=problem, fix=fix)
        )  # fmt: skip

    def _take_findings(self, form: Form) -> None:
        self._file.problems.extend(form.problems)
        self._file.warnings.extend(form.warnings)


def _given(located: Located, key: Key) -> object:
    """A value as JSON knows it; one that is text as it was written."""
    if key.textual and isinstance(located.value, str | int | float) and not isinstance(located.value, bool):
        return located.raw
    return located.plain()
