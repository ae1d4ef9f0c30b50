"""The child program that tells which scrapers a directory holds.

Request: directory, leave_out (modules that are known already), first (the module to begin with, or null), run_init.
Messages: `begin` before each step that runs the users' code, so that the parent knows where it hangs or dies; `scraper`
for each one found; `problem` for what does not load; `end` after each module; `done`.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from pregao.scrapers import directory as inside
from pregao.scrapers.existing import argument_of
from pregao.scrapers.messages import Messages, open_messages
from pregao.scrapers.source_code import SourceCode

TEXT_LIMIT = 1_000
_LOGIN_ATTRIBUTES = ("requires_login", "needs_login", "login_required")


class Description:
    """Describes the modules of one directory, one after another."""

    def __init__(self, request: dict[str, Any], messages: Messages) -> None:
        self._directory = Path(request["directory"])
        self._left_out: set[str] = set(request["leave_out"])
        self._first: str | None = request["first"]
        self._run_init: bool = request["run_init"]
        self._messages = messages

    def run(self) -> None:
        """Describe them all."""
        inside.prepare(self._directory)
        self._files = dict(inside.module_files(self._directory))
        self._source = SourceCode(self._files)
        wanted = [name for name in self._source.may_define_scrapers() if name not in self._left_out]
        wanted.sort(key=lambda name: name != self._first)
        self._enter_packages(wanted)
        for module in wanted:
            classes = self._source.class_names(module)
            self._messages.send(event="begin", module=module, file=str(self._files[module]), classes=classes)
            self._describe(module)
            self._messages.send(event="end", module=module)
        self._messages.send(event="done")

    def _enter_packages(self, modules: list[str]) -> None:
        """Run what package `__init__`s there are before the modules, so that a blow by one is known as theirs."""
        for package in sorted({module.rpartition(".")[0] for module in modules} - {""}):
            file = str(self._directory.joinpath(*package.split("."), "__init__.py"))
            self._messages.send(event="begin", module=package, file=file, init=True)
            inside.enter_packages(self._directory, package, run_init=self._run_init)
        for package, error in inside.init_errors().items():
            if package not in modules and package not in self._left_out:
                self._problem(package, error, fix="its modules were loaded without it")
        self._messages.send(event="end", module="")

    def _describe(self, module: str) -> None:
        try:
            loaded = inside.load_module(self._directory, module, run_init=self._run_init)
        except BaseException as error:  # noqa: BLE001 - a module may raise anything while it is imported
            self._problem(module, error)
            return
        for cls in inside.find_classes(loaded):
            try:
                self._messages.send(event="scraper", **self._facts(cls))
            except BaseException as error:  # noqa: BLE001 - so may a constructor
                self._refused(module, cls, error)

    def _facts(self, cls: type) -> dict[str, Any]:
        scraper = asyncio.run(_made(cls))
        file = sys.modules[cls.__module__].__file__
        return {
            "name": _text(getattr(scraper, "name", None)),
            "source": _text(getattr(scraper, "source", None)),
            "module": cls.__module__,
            "class_name": cls.__name__,
            "transport": self._transport(cls),
            "needs_login": any(getattr(scraper, name, False) is True for name in _LOGIN_ATTRIBUTES),
            "takes_argument": argument_of(scraper) is not None,
            "canary": _text(getattr(scraper, "canary", None)) or None,
            "file": str(file),
            "line": self._source.line_of(cls.__module__, cls.__name__),
        }

    def _transport(self, cls: type) -> str:
        """What the class says of itself, else what its module shows, else whether its bases start a browser."""
        said = getattr(cls, "transport", None)
        shown = said if said in ("browser", "http") else self._source.transport(cls.__module__)
        inherited = any(self._source.imports_browser(base.__module__) for base in cls.__mro__)
        return shown or ("browser" if inherited else "http")

    def _refused(self, module: str, cls: type, error: BaseException) -> None:
        needed = _needed_arguments(cls)
        if needed and self._source.is_base(cls.__name__):
            return  # what other scrapers are made from, under an unusual name
        if needed:
            error = TypeError(f"{cls.__name__}() needs {', '.join(needed)}; a scraper is made without arguments")
        line = self._source.line_of(module, cls.__name__)
        self._problem(module, error, class_name=cls.__name__, line=line)

    def _problem(
        self, module: str, error: BaseException, *, class_name: str = "", line: int | None = None, fix: str = ""
    ) -> None:
        file, at = where(error, self._directory) or (str(self._files.get(module, self._directory)), line)
        self._messages.send(
            event="problem",
            module=module,
            class_name=class_name,
            file=file,
            line=at,
            error=in_words(error),
            fix=fix or self._fix(error),
            classes=[class_name] if class_name else self._source.class_names(module),
        )

    def _fix(self, error: BaseException) -> str:
        if not isinstance(error, ModuleNotFoundError) or not error.name:
            return ""
        top = error.name.partition(".")[0]
        above = self._directory.parent
        if (above / f"{top}.py").is_file() or (above / top / "__init__.py").is_file():
            return f"{top} is in {above}: name that directory in SCRAPERS_PATH"
        return f"install the package that has {top!r} into {sys.prefix}"


async def _made(cls: type) -> Any:
    """An instance. Within a running loop, as when it will be used: constructors may make sessions and locks."""
    return cls()


def where(error: BaseException, directory: Path) -> tuple[str, int | None] | None:
    """File and line within `directory` that an error comes from; None when it does not come from there."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(directory):
        return error.filename, error.lineno
    found = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if Path(file).is_relative_to(directory):
            found = file, step.tb_lineno
        step = step.tb_next
    return found


def in_words(error: BaseException) -> str:
    """The kind of an error and its text in a bounded line."""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception as second:  # noqa: BLE001 - the users' own __str__
        text = f"(its text cannot be had: {type(second).__name__})"
    if isinstance(error, SystemExit):
        text = f"it ends the process with sys.exit({error.code!r})"
    return _text(f"{type(error).__name__}: {' '.join(text.split())}").rstrip(": ")


def _needed_arguments(cls: type) -> list[str]:
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in parameters if each.default is each.empty and each.kind not in optional]


def _text(value: object) -> str:
    """Text that can be stored, bounded; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return value[:TEXT_LIMIT].replace("\0", "").encode("utf-8", "replace").decode()


def _main() -> None:
    request, messages = open_messages()
    Description(request, messages).run()
    messages.wait_for_the_end()


if __name__ == "__main__":
    _main()
