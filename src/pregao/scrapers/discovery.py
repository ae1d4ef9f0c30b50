"""Which scrapers a directory of the user's holds, found out in child processes: no import of theirs enters ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from loguru import logger

from pregao.scrapers.child import Child, ChildSilent, place_in

DESCRIBE = "pregao.scrapers.describe"
START_SECONDS = 60.0
"""Until the first word: an interpreter on a busy machine, and a directory with many modules to read."""


class FoundScraper(msgspec.Struct, frozen=True, kw_only=True):
    """A class with the interface, and what an instance of it says of itself. Texts are empty where it says nothing."""

    name: str
    source: str
    module: str
    class_name: str
    transport: str
    needs_login: bool
    takes_argument: bool
    canary: str | None
    file: str
    line: int | None
    run_init: bool = True


class LoadProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that did not load: where, why, and what to do.

    `names` are those by which it would be known, as far as they are: by its file, its classes, or the last time that it
    did load. `canonical` is the name that it had then.
    """

    origin: str
    error: str
    fix: str = ""
    file: str | None = None
    line: int | None = None
    names: tuple[str, ...] = ()
    canonical: str | None = None

    @property
    def place(self) -> str:
        """File and line, or what stands for them."""
        return self.origin if self.file is None else self.file if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        place = "" if self.file is None else f"{self.place}: "
        return f"{self.origin}: {place}{self.error}{self.fix and f'; {self.fix}'}"


class Discovery(msgspec.Struct, frozen=True):
    """What one look at a directory gave, in the order of its modules."""

    scrapers: list[FoundScraper]
    problems: list[LoadProblem]


def discover(directory: Path, environment: Mapping[str, str], timeout_seconds: float) -> Discovery:
    """Look at every module of `directory`, each for at most `timeout_seconds`; never raises for what it finds.

    One child looks at them all. A module that blocks, ends or kills it is told as a problem, and another child goes on
    with the rest; one that a dead child may have taken down with it is looked at again, first and so beyond doubt.
    """
    survey = _Survey(directory)
    while not survey.complete:
        try:
            with Child(DESCRIBE, survey.request(), environment) as child:
                survey.follow(child, timeout_seconds)
        except OSError as error:
            survey.give_up(f"no process can be started to look at it: {error}")
    return survey.result()


class _Survey:
    """What is known of a directory so far, and what the next child is asked."""

    def __init__(self, directory: Path) -> None:
        self.complete = False
        self._directory = directory
        self._run_init = True
        self._first: str | None = None
        self._known: dict[str, list[FoundScraper]] = {}
        self._problems: dict[tuple[str, str], LoadProblem] = {}

    def request(self) -> dict[str, Any]:
        """What `describe` takes."""
        return {
            "directory": str(self._directory),
            "leave_out": sorted(self._known),
            "first": self._first,
            "run_init": self._run_init,
        }

    def result(self) -> Discovery:
        """All of it, modules in order."""
        scrapers = [scraper for module in sorted(self._known) for scraper in self._known[module]]
        return Discovery(scrapers, [self._problems[key] for key in sorted(self._problems)])

    def follow(self, child: Child, timeout_seconds: float) -> None:
        """Take what a child says until it is done, hangs or dies."""
        step: dict[str, Any] | None = None
        found: list[FoundScraper] = []
        looked_at, patience = 0, START_SECONDS
        while True:
            try:
                message = child.receive(patience)
            except ChildSilent:
                self._blame(step, f"it did not load within {patience:g} s", child.last_words(), sure=True)
                return
            patience = timeout_seconds
            if message is None:
                self._blame(step, f"its process {child.how_it_ended()}", child.output, sure=looked_at == 1)
                return
            match message["event"]:
                case "begin":
                    step, found = message, []
                    looked_at += not message.get("init")
                case "scraper":
                    del message["event"]
                    found.append(msgspec.convert({**message, "run_init": self._run_init}, FoundScraper))
                case "problem":
                    self._add(message)
                case "end":
                    if message["module"]:
                        self._known[message["module"]] = found
                    step = None
                case "done":
                    self.complete = True
                    return
                case _:
                    logger.warning("scrapers of {}: the child wrote {!r}", self._directory, message.get("line"))

    def give_up(self, error: str) -> None:
        """Leave it at what is known: the directory as a whole cannot be looked at."""
        self._problems["", ""] = LoadProblem(origin=str(self._directory), error=error)
        self.complete = True

    def _blame(self, step: dict[str, Any] | None, error: str, output: str, *, sure: bool) -> None:
        """A child hung or died in a step. In doubt the module is given a child of its own first."""
        if step is None:
            last = output.strip().rpartition("\n")[2]
            self.give_up(f"{error}: {last}".rstrip(": "))
        elif step.get("init"):
            self._run_init = False
            self._add({**step, **self._frame(output), "error": error, "fix": "its modules were loaded without it"})
        elif sure:
            self._known[step["module"]] = []
            self._add({**step, **self._frame(output), "error": error})
        else:
            self._first = step["module"]

    def _frame(self, output: str) -> dict[str, Any]:
        place = place_in(output, self._directory)
        return {} if place is None else {"file": place[0], "line": place[1]}

    def _add(self, told: dict[str, Any]) -> None:
        module, class_name = told["module"], told.get("class_name") or ""
        stem = module.rpartition(".")[2].removesuffix("_scraper")
        classes = [name.removesuffix("Scraper") for name in told.get("classes", [])]
        self._problems[module, class_name] = LoadProblem(
            origin=f"{module}:{class_name}" if class_name else module,
            error=told["error"],
            fix=told.get("fix") or "",
            file=told.get("file"),
            line=told.get("line"),
            names=tuple(dict.fromkeys([*([] if told.get("init") or class_name else [stem]), *classes])),
        )
