"""The scrapers that run in our own processes: the modules in `builtin`, and those of PREGAO_SCRAPERS."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from pregao.domain.names import fold
from pregao.scrapers.base import Scraper, ScraperSettings
from pregao.scrapers.directory import METHODS, find_classes
from pregao.scrapers.discovery import LoadProblem
from pregao.scrapers.entry import BUILTIN_PACKAGE, Entry
from pregao.scrapers.stored import StoredResults


def installed(settings: ScraperSettings, stored: StoredResults | None = None) -> tuple[list[Entry], list[LoadProblem]]:
    """Import and list them all; never raises for one that does not load. `stored` goes to classes that ask for it."""
    entries: list[Entry] = []
    problems: list[LoadProblem] = []
    make_entry = partial(_entry, settings=settings, stored=stored)
    package = importlib.import_module(BUILTIN_PACKAGE)
    for module in pkgutil.iter_modules(package.__path__, f"{BUILTIN_PACKAGE}."):
        _collect(module.name, lambda name: find_classes(importlib.import_module(name)), make_entry, entries, problems)
    for path in settings.extra_scrapers:
        _collect(path, lambda path: [_named_class(path)], make_entry, entries, problems)
    return entries, problems


def _collect(
    path: str,
    find: Callable[[str], list[type]],
    make_entry: Callable[[type], Entry],
    entries: list[Entry],
    problems: list[LoadProblem],
) -> None:
    try:
        entries.extend(make_entry(cls) for cls in find(path))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything while it is imported
        told = f"{type(error).__name__}: {error}"
        problems.append(LoadProblem(origin=path, error=told, fix="correct it, or take it out of PREGAO_SCRAPERS"))


def _named_class(path: str) -> type:
    module_name, _, class_name = path.partition(":")
    if not class_name:
        raise ValueError("write it as module:Class")
    value = getattr(importlib.import_module(module_name), class_name)
    missing = [method for method in METHODS if not callable(getattr(value, method, None))]
    if not inspect.isclass(value) or missing:
        raise TypeError(f"{class_name} is not a scraper class; it lacks {', '.join(missing) or 'a constructor'}")
    return value


def _entry(cls: type, settings: ScraperSettings, stored: StoredResults | None) -> Entry:
    make = _constructor(cls, settings, stored)
    # Existing scrapers set their name in __init__: then it takes an instance to learn it.
    holder: Any = cls if isinstance(getattr(cls, "name", None), str) else _made(make)
    name, source, canary = (_text(holder, attribute) for attribute in ("name", "source", "canary"))
    needs = getattr(holder, "needs", ())
    needs = (needs,) if isinstance(needs, str) else needs
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
        missing=tuple(variable for variable in needs if settings.secret(variable) is None),
    )


def canonical_name(name: str, class_name: str) -> str:
    """The name that a scraper gives itself; its class without `Scraper` if that is none."""
    return name if fold(name) else class_name.removesuffix("Scraper") or class_name


def _text(holder: object, attribute: str) -> str:
    value = getattr(holder, attribute, None)
    return value if isinstance(value, str) else ""


def _made(make: Callable[[], Scraper]) -> Scraper:
    """An instance. Within a running loop, as when it will be used: constructors may make sessions and locks."""

    async def within() -> Scraper:
        return make()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(within())
    return make()


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
