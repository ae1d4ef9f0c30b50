"""One scraper as the registry knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pregao.domain.names import fold
from pregao.scrapers.base import NotConfigured, Scraper

BUILTIN_PACKAGE = "pregao.scrapers.builtin"
Executor = Literal["in_loop", "isolated"]
Transport = Literal["http", "browser"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One scraper: its canonical name, where it is, and how to make one.

    `executor` says where it runs: in the worker's event loop, or in a process of its own; only the former is made by
    `make`. The latter is `class_name` of `module` in `directory`, loaded by `directory.load_class` with `run_init`.
    `canary` is an argument that is known to work, `missing` are the variables that it lacks to run.
    """

    name: str
    source: str
    module: str
    class_name: str
    make: Callable[[], Scraper]
    executor: Executor = "in_loop"
    directory: Path | None = None
    transport: Transport = "http"
    needs_login: bool = False
    takes_argument: bool = True
    canary: str | None = None
    file: str | None = None
    line: int | None = None
    run_init: bool = True
    missing: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where the class is, as `module:Class`, with its directory where it has one."""
        place = f"{self.module}:{self.class_name}"
        return place if self.directory is None else f"{place} in {self.directory}"

    @property
    def missing_configuration(self) -> str | None:
        """Why it cannot run here, with what to set; None when nothing is missing."""
        return str(NotConfigured(*self.missing)) if self.missing else None

    @property
    def comes_along(self) -> bool:
        """Whether it comes with Pregão, and is not the user's own."""
        return self.module.startswith(f"{BUILTIN_PACKAGE}.")

    def keys(self) -> tuple[str, str, str, str]:
        """The folded names it answers to, strongest first: name, module, class, source."""
        stem = self.module.rpartition(".")[2].removesuffix("_scraper")
        return fold(self.name), fold(stem), fold(self.class_name.removesuffix("Scraper")), fold(self.source)
