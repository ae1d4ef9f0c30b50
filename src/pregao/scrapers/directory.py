"""A directory of existing scrapers: its modules, and, within a child process, its import path and its classes.

Imports the standard library only, and nothing of Pregão: it is loaded where the users' code runs.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

METHODS = ("initialize", "scrape", "cleanup")
_SKIPPED_FOLDERS = frozenset({"tests", "test", "venv", "env", "site-packages", "node_modules", "build", "dist"})
_SKIPPED_FILES = frozenset({"conftest", "setup", "__main__"})
_BASE_PREFIXES = ("Base", "Abstract", "_")


class Package(ModuleType):
    """A package that stands in `sys.modules` with its path: its modules import although its `__init__` does not.

    A name that its `__init__` imports from somewhere is imported from there alone. Any other name that is no module of
    the package has the `__init__` run, once.
    """

    def __init__(self, name: str, folder: Path, exports: Mapping[str, tuple[str, str]]) -> None:
        """`exports` gives the module and the name there of what `__init__` imports."""
        super().__init__(name)
        self._pregao_exports = exports
        file = folder / "__init__.py"
        self.__file__ = str(file)
        self.__path__ = [str(folder)]
        self.__package__ = name
        self.__spec__ = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(folder)])
        self.__loader__ = self.__spec__.loader if self.__spec__ else None
        self._pregao_pending = True
        self._pregao_error: BaseException | None = None

    def __getattr__(self, name: str) -> Any:
        """Find a name that only `__init__` can give. Raises AttributeError, or what `__init__` raises."""
        hidden = name.startswith("_") and name != "__all__"
        if not hidden and self._pregao_pending and not _is_submodule(self.__path__, name):
            if name in self._pregao_exports:
                module, there = self._pregao_exports[name]
                self.__dict__[name] = getattr(importlib.import_module(module), there)
            else:
                self.run_init()
            if name in self.__dict__:
                return self.__dict__[name]
            if self._pregao_error is not None:
                raise self._pregao_error
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def finish(self) -> None:
        """Run `__init__` if it did not run yet. Raises what it raises, now or then."""
        if self._pregao_pending:
            self.run_init()
        if self._pregao_error is not None:
            raise self._pregao_error

    def run_init(self) -> None:
        """Run `__init__`, once; `init_errors` tells what it raised."""
        self._pregao_pending = False
        try:
            exec(_compile(Path(self.__file__ or "")), self.__dict__)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the modules of the package load without it
            self._pregao_error = error


def prepare(directory: Path) -> None:
    """Make `directory` the first place of imports and the working directory, as when its programs are started in it.

    Existing scrapers import `base_scraper` and `config` from it, and keep `.env`, cookies and sessions beside them by
    relative paths. Raises OSError when the directory cannot be entered.
    """
    os.chdir(directory)
    # Byte code is told from its source by whole seconds and the size: a quick edit would run as it was before.
    sys.dont_write_bytecode = True
    place = str(directory)
    sys.path[:] = [place, *(entry for entry in sys.path if entry not in (place, ""))]
    importlib.invalidate_caches()


def module_files(directory: Path) -> list[tuple[str, Path]]:
    """Modules that `directory` offers, as (dotted name, file), packages by their `__init__.py`, in order of names.

    Tests, virtual environments, hidden folders and files whose names cannot be imported are left out. Raises OSError
    when the directory cannot be read.
    """
    return sorted(_modules_in(directory, "", {directory.resolve()}))


def enter_packages(directory: Path, module: str, *, run_init: bool = True) -> None:
    """Make the packages above `module`, and `module` itself where it is one, ready to import from. Never raises.

    An `__init__` that only re-exports waits until a name of it is asked for; another one runs now, and what it raises
    is told by `init_errors`. With `run_init=False` every one waits: for those that block or kill their process.
    """
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        _enter_package(directory, ".".join(parts[:depth]), run_init)


def load_module(directory: Path, name: str, *, run_init: bool = True) -> ModuleType:
    """Import a module of `directory`, without the `__init__` of its packages where that only re-exports or fails.

    Raises whatever the module raises, SystemExit included, and ImportError when the name leads out of the directory.
    """
    enter_packages(directory, name, run_init=run_init)
    module = importlib.import_module(name)
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).resolve().is_relative_to(directory.resolve()):
        raise ImportError(f"the name {name!r} is taken by {file or 'a built-in module'}; rename the file")
    if isinstance(module, Package):
        module.finish()
    return module


def load_class(directory: Path, module: str, class_name: str, *, run_init: bool = True) -> type:
    """A class of a module of `directory`. Raises as `load_module`, and ImportError when there is no such class."""
    value = getattr(load_module(directory, module, run_init=run_init), class_name, None)
    if not inspect.isclass(value):
        raise ImportError(f"module {module!r} has no class {class_name!r}")
    return value


def init_errors() -> dict[str, BaseException]:
    """What the `__init__` of packages raised that were entered so far, by package; their modules load nevertheless."""
    packages = [module for module in list(sys.modules.values()) if isinstance(module, Package)]
    return {package.__name__: package._pregao_error for package in packages if package._pregao_error is not None}


def find_classes(module: ModuleType) -> list[type]:
    """Scraper classes that `module` defines, in the order of their definition: not those that it only imports.

    A scraper has `initialize`, `scrape` and `cleanup`. Abstract classes, protocols, and classes called `Base…`,
    `Abstract…` or `_…` are what scrapers are made from. A `name` may be set by the constructor and is not looked at.
    """
    found = {id(value): value for value in vars(module).values() if inspect.isclass(value) and _is_scraper(value)}
    return [cls for cls in found.values() if cls.__module__ == module.__name__]


def _modules_in(folder: Path, prefix: str, seen: set[Path]) -> Iterator[tuple[str, Path]]:
    for entry in folder.iterdir():
        name = entry.stem if entry.suffix == ".py" else entry.name
        if not name.isidentifier() or (name.startswith("__") and name != "__init__"):
            continue
        if entry.suffix == ".py" and entry.is_file():
            if name == "__init__" and prefix:
                yield prefix.rstrip("."), entry
            elif name != "__init__" and not _is_test(name):
                yield prefix + name, entry
        elif _is_package(entry) and entry.resolve() not in seen:
            yield from _modules_in(entry, f"{prefix}{name}.", seen | {entry.resolve()})


def _is_test(stem: str) -> bool:
    return stem in _SKIPPED_FILES or stem.startswith("test_") or stem.endswith("_test")


def _is_package(folder: Path) -> bool:
    """Whether modules are looked for in it. A folder without any is not entered: data may lie there in any amount."""
    if folder.name in _SKIPPED_FOLDERS or not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return False
    return not (folder / "pyvenv.cfg").exists() and next(folder.glob("*.py"), None) is not None


def _is_submodule(path: Iterable[str], name: str) -> bool:
    return importlib.machinery.PathFinder.find_spec(name, list(path)) is not None


def _is_scraper(cls: type) -> bool:
    if inspect.isabstract(cls) or cls.__name__.startswith(_BASE_PREFIXES) or getattr(cls, "_is_protocol", False):
        return False
    return all(callable(getattr(cls, method, None)) for method in METHODS)


def _enter_package(directory: Path, name: str, run_init: bool) -> None:
    """Put the package into `sys.modules`, and run its `__init__` now if that does more than re-export."""
    folder = directory.joinpath(*name.split("."))
    file = folder / "__init__.py"
    if name in sys.modules or not file.is_file():
        return
    statements = _statements(file)
    package = sys.modules[name] = Package(name, folder, dict(_exports(statements, name)))
    parent, _, stem = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], stem, package)
    if run_init and not all(map(_is_plain, statements)):
        package.run_init()


def _compile(file: Path) -> CodeType:
    return compile(file.read_bytes(), str(file), "exec", dont_inherit=True)


def _statements(file: Path) -> list[ast.stmt]:
    try:
        return ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError) as error:
        return [ast.Raise(ast.Constant(str(error)))]  # running it tells what is wrong


def _exports(statements: list[ast.stmt], package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """What an `__init__` imports from modules, by the names that it gives them."""
    for statement in statements:
        if not isinstance(statement, ast.ImportFrom) or not statement.module:
            continue
        try:
            module = importlib.util.resolve_name("." * statement.level + statement.module, package)
        except ImportError:
            continue  # more dots than there are packages: running it tells so
        for alias in statement.names:
            yield alias.asname or alias.name, (module, alias.name)


def _is_plain(statement: ast.stmt) -> bool:
    """Whether running it can do nothing but import and name things, so that it may wait until a name is asked for."""
    match statement:
        case ast.ImportFrom() | ast.Import() | ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name.startswith("__")
        case ast.Try(body=body, orelse=[], finalbody=[]):
            return all(_is_plain(inner) for inner in body)
        case _:
            return False
