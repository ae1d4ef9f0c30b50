"""Which scrapers there are, found by looking: the modules in `builtin`, and the user's own from the settings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from types import ModuleType
from typing import Any, cast

from loguru import logger

from pregao.domain.errors import InvalidInput
from pregao.domain.names import fold
from pregao.scrapers.base import NotConfigured, Scraper, ScraperSettings
from pregao.scrapers.stored import StoredResults

BUILTIN_PACKAGE = "pregao.scrapers.builtin"
_METHODS = ("initialize", "scrape", "cleanup")


class UnknownScraper(InvalidInput):
    """No scraper is called that; `suggestions` are the names that come close."""

    def __init__(self, name: object, suggestions: list[str], known: list[str]) -> None:
        self.suggestions = suggestions
        shown = suggestions or known
        fix = f"did you mean {', '.join(shown)}?" if suggestions else f"known are {', '.join(shown) or 'none'}"
        super().__init__("scraper_name", name, "is not a known scraper", fix)


class AmbiguousScraper(InvalidInput):
    """More than one scraper answers to that; `candidates` are their names."""

    def __init__(self, name: object, candidates: list[str]) -> None:
        self.candidates = candidates
        super().__init__("scraper_name", name, "is ambiguous", f"write one of {', '.join(candidates)} in full")


@dataclass(frozen=True, slots=True)
class Entry:
    """One scraper: its canonical name, where it is, how to make one, and the variables that it lacks to run."""

    name: str
    source: str
    module: str
    class_name: str
    make: Callable[[], Scraper]
    missing: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where the class is, as `module:Class`."""
        return f"{self.module}:{self.class_name}"

    @property
    def missing_configuration(self) -> str | None:
        """Why it cannot run here, with what to set; None when nothing is missing."""
        return str(NotConfigured(*self.missing)) if self.missing else None

    def keys(self) -> tuple[str, str, str, str]:
        """The folded names it answers to, strongest first: name, module, class, source."""
        stem = self.module.rpartition(".")[2].removesuffix("_scraper")
        return fold(self.name), fold(stem), fold(self.class_name.removesuffix("Scraper")), fold(self.source)


class Registry:
    """The scrapers that can be run here. What could not be loaded is in `problems`, and hurts no other."""

    def __init__(self, entries: list[Entry], problems: list[str]) -> None:
        self.problems = list(problems)
        self._entries: dict[str, Entry] = {}
        # One table for each kind of key, strongest first: folded key → the scrapers that answer to it.
        self._tables: tuple[dict[str, list[Entry]], ...] = ({}, {}, {}, {})
        for entry in entries:
            self._add(entry)
        self._found: dict[str, Entry] = {}

    @classmethod
    def load(cls, settings: ScraperSettings, stored: StoredResults | None = None) -> Registry:
        """Import and list everything; never raises for a scraper that does not load.

        `stored` is for those who run scrapers: it goes to the classes that ask for it.
        """
        entries: list[Entry] = []
        problems: list[str] = []
        make_entry = partial(_entry, settings=settings, stored=stored)
        package = importlib.import_module(BUILTIN_PACKAGE)
        for found in pkgutil.iter_modules(package.__path__, f"{BUILTIN_PACKAGE}."):
            _collect(
                found.name,
                lambda name: list(_classes(importlib.import_module(name))),
                make_entry,
                entries,
                problems,
            )
        for path in settings.extra_scrapers:
            _collect(path, lambda path: [_named_class(path)], make_entry, entries, problems)
        registry = cls(entries, problems)
        for problem in registry.problems:
            logger.warning("scraper not loaded: {}", problem)
        return registry

    def names(self) -> list[str]:
        """Canonical names, in alphabetical order."""
        return sorted(self._entries, key=str.casefold)

    def entries(self) -> list[Entry]:
        """All scrapers, in the order of their names."""
        return [self._entries[name] for name in self.names()]

    def resolve(self, name: str) -> str:
        """The canonical name behind a loose one. Raises UnknownScraper or AmbiguousScraper."""
        return self._find(name).name

    def resolve_configured(self, name: str) -> str:
        """As `resolve`, but raises NotConfigured for a scraper whose needed variables are not set here."""
        entry = self._find(name)
        if entry.missing:
            raise NotConfigured(*entry.missing)
        return entry.name

    def create(self, name: str) -> Scraper:
        """A new instance. Raises UnknownScraper, AmbiguousScraper, or whatever the user's constructor raises."""
        return self._find(name).make()

    def _add(self, entry: Entry) -> None:
        keys = entry.keys()
        rivals = self._tables[0].get(keys[0])
        if rivals:
            self.problems.append(f"{entry.origin}: the name {entry.name!r} is taken by {rivals[0].origin}")
            return
        self._entries[entry.name] = entry
        for table, key in zip(self._tables, keys, strict=True):
            if key:
                table.setdefault(key, []).append(entry)

    def _find(self, name: str) -> Entry:
        known = self._found.get(name)
        if known is None:
            known = self._found[name] = self._look_for(name)
        return known

    def _look_for(self, name: str) -> Entry:
        folded = fold(name)
        for table in self._tables:
            found = table.get(folded, [])
            if len(found) > 1:
                raise AmbiguousScraper(name, sorted((entry.name for entry in found), key=str.casefold))
            if found:
                return found[0]
        raise UnknownScraper(name, self._suggestions(folded), self.names())

    def _suggestions(self, folded: str) -> list[str]:
        by_key = {key: found[0].name for table in reversed(self._tables) for key, found in table.items()}
        close = get_close_matches(folded, by_key, n=3, cutoff=0.6)
        return list(dict.fromkeys(by_key[key] for key in close))


def _collect(
    path: str,
    find: Callable[[str], list[type]],
    make_entry: Callable[[type], Entry],
    entries: list[Entry],
    problems: list[str],
) -> None:
    try:
        entries.extend(make_entry(cls) for cls in find(path))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything while it is imported
        problems.append(f"{path}: {type(error).__name__}: {error}")


def _classes(module: ModuleType) -> Iterator[type]:
    """Scraper classes that are defined in `module`, not merely imported into it."""
    for value in vars(module).values():
        if inspect.isclass(value) and value.__module__ == module.__name__ and _is_scraper(value):
            yield value


def _named_class(path: str) -> type:
    module_name, _, class_name = path.partition(":")
    if not class_name:
        raise ValueError("write it as module:Class")
    value = getattr(importlib.import_module(module_name), class_name)
    missing = [method for method in _METHODS if not callable(getattr(value, method, None))]
    if not inspect.isclass(value) or missing:
        raise TypeError(f"{class_name} is not a scraper class; it lacks {', '.join(missing) or 'a constructor'}")
    return value


def _is_scraper(cls: type) -> bool:
    return not inspect.isabstract(cls) and all(callable(getattr(cls, method, None)) for method in _METHODS)


def _entry(cls: type, settings: ScraperSettings, stored: StoredResults | None) -> Entry:
    make = _constructor(cls, settings, stored)
    # Existing scrapers set their name in __init__: then it takes an instance to learn it.
    holder: Any = cls if isinstance(getattr(cls, "name", None), str) else make()
    name = getattr(holder, "name", None)
    source = getattr(holder, "source", None)
    needs = getattr(holder, "needs", ())
    needs = (needs,) if isinstance(needs, str) else needs
    return Entry(
        name=name if isinstance(name, str) and fold(name) else cls.__name__.removesuffix("Scraper"),
        source=source if isinstance(source, str) else "",
        module=cls.__module__,
        class_name=cls.__name__,
        make=make,
        missing=tuple(variable for variable in needs if settings.secret(variable) is None),
    )


def _constructor(cls: type, settings: ScraperSettings, stored: StoredResults | None) -> Callable[[], Scraper]:
    """How to make one: with the settings if its first parameter is called `settings`, else with nothing.

    A class that takes the settings may also ask for `stored`; it gets it where there is a database to read.
    """
    parameters = list(inspect.signature(cls).parameters)
    build = cast("Callable[..., Scraper]", cls)
    if parameters[:1] != ["settings"]:
        return build
    if stored is not None and "stored" in parameters:
        return lambda: build(settings, stored=stored)
    return lambda: build(settings)
