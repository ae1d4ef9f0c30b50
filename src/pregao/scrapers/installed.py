"""The scrapers that run in our own processes: the modules in `builtin`, and those of PREGAO_SCRAPERS."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any, cast

from pregao.domain.names import fold
from pregao.scrapers.base import Scraper, ScraperSettings
from pregao.scrapers.directory import METHODS, find_classes
from pregao.scrapers.discovery import LoadProblem
from pregao.scrapers.entry import BUILTIN_PACKAGE, Entry


def installed(settings: ScraperSettings) -> tuple[list[Entry], list[LoadProblem]]:
    """Import and list them all; never raises for one that does not load."""
    entries: list[Entry] = []
    problems: list[LoadProblem] = []
    package = importlib.import_module(BUILTIN_PACKAGE)
    for module in pkgutil.iter_modules(package.__path__, f"{BUILTIN_PACKAGE}."):
        _collect(module.name, lambda name: find_classes(importlib.import_module(name)), settings, entries, problems)
    for path in settings.extra_scrapers:
        _collect(path, lambda path: [_named_class(path)], settings, entries, problems)
    return entries, problems


def _collect(
    path: str,
    find: Callable[[str], list[type]],
    settings: ScraperSettings,
    entries: list[Entry],
    problems: list[LoadProblem],
) -> None:
    try:
        entries.extend(_entry(cls, settings) for cls in find(path))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything while it is imported
        told = f"{type(error).__name__}: {error}"
        problems.append(LoadProblem(origin=path, error=told, fix="correct it, or take it out of PREGAO_SCRAPERS"))


def _named_class(path: str) -> type:
    module_name, _, class_name = path.partition(":")
    value = getattr(importlib.import_module(module_name), class_name)
    missing = [method for method in METHODS if not callable(getattr(value, method, None))]
    if not inspect.isclass(value) or missing:
        raise TypeError(f"{class_name} is not a scraper class; it lacks {', '.join(missing) or 'a constructor'}")
    return value


def _entry(cls: type, settings: ScraperSettings) -> Entry:
    make = _constructor(cls, settings)
    # Existing scrapers set their name in __init__: then it takes an instance to learn it.
    holder: Any = cls if isinstance(getattr(cls, "name", None), str) else make()
    name, source, canary = (_text(holder, attribute) for attribute in ("name", "source", "canary"))
    module = importlib.import_module(cls.__module__)
    return Entry(
        name=canonical_name(name, cls.__name__),
        source=source,
        module=cls.__module__,
        class_name=cls.__name__,
        make=make,
        transport="browser" if getattr(cls, "transport", None) == "browser" else "http",
        needs_login=any(getattr(holder, mark, False) is True for mark in ("requires_login", "needs_login")),
        canary=canary or None,
        file=getattr(module, "__file__", None),
    )


def canonical_name(name: str, class_name: str) -> str:
    """The name that a scraper gives itself; its class without `Scraper` if that is none."""
    return name if fold(name) else class_name.removesuffix("Scraper") or class_name


def _text(holder: object, attribute: str) -> str:
    value = getattr(holder, attribute, None)
    return value if isinstance(value, str) else ""


def _constructor(cls: type, settings: ScraperSettings) -> Callable[[], Scraper]:
    """How to make one: with the settings if its first parameter is called `settings`, else with nothing."""
    parameters = list(inspect.signature(cls).parameters)
    build = cast("Callable[..., Scraper]", cls)
    if parameters[:1] == ["settings"]:
        return lambda: build(settings)
    return build
