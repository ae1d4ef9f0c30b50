"""Whether a scraper needs its `initialize()`, by what the sources say.

In the platform's style a base class launches a browser in `initialize`, and scrapers that speak plain HTTP inherit it
without ever touching the browser. What an inherited `initialize` prepares, on the object, its classes, or a shared
object that it calls, is compared with what `scrape` uses, through all the methods that either calls. Whatever cannot be
read for certain counts as needed.
"""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

_TRANSPARENT = frozenset({"object", "ABC", "Generic", "Protocol"})
_BY_NAME = frozenset({"getattr", "hasattr", "setattr", "delattr"})
_HARMLESS = frozenset({"isinstance", "type", "id", "super"})

_Method = ast.FunctionDef | ast.AsyncFunctionDef


class Unclear(Exception):
    """The source does not tell what a method does with its object."""


def needs_initialize(cls: type, *, drives_browser: bool) -> bool:
    """Whether `initialize()` must run before `scrape()`.

    It need not when the class inherits it from another module, its own module drives no browser, and nothing that it
    prepares is used by `scrape`.
    """
    if drives_browser or _defined_in(cls, "initialize") == cls.__module__:
        return True
    try:
        prepared, scraping = _Reach(cls, "initialize"), _Reach(cls, "scrape")
    except Unclear:
        return True
    return not prepared.stored or bool(prepared.stored & scraping.used or prepared.called & scraping.touched)


class _Body(NamedTuple):
    """The statements of one class of the line of inheritance, and where they stand."""

    module: str
    statements: list[ast.stmt]


class _Reach:
    """What a method does, with all the methods of the object that it calls.

    `used` and `stored` are attributes of the object and its classes; `called` and `touched` are objects at the top of
    modules, by identity, that it calls something of or looks at.
    """

    def __init__(self, cls: type, method: str) -> None:
        """Raises Unclear."""
        self.used: set[str] = set()
        self.stored: set[str] = set()
        self.called: set[int] = set()
        self.touched: set[int] = set()
        self._own = {base.__name__ for base in cls.__mro__}
        self._bodies = [body for base in cls.__mro__ if (body := _body_of(base)) is not None]
        self._seen: set[str] = set()
        if not self._follow(method):
            raise Unclear(method)

    def _follow(self, name: str) -> bool:
        """Read every definition of a method, those that it hides included: it may call them by `super()`."""
        if name in self._seen:
            return True
        methods = [
            (body.module, node)
            for body in self._bodies
            for node in body.statements
            if isinstance(node, _Method) and node.name == name
        ]
        if methods:
            self._seen.add(name)
        for module, method in methods:
            self._read(module, method)
        return bool(methods)

    def _read(self, module: str, method: _Method) -> None:
        parameters = [*method.args.posonlyargs, *method.args.args]
        reader = _Reader(parameters[0].arg if parameters else "", self._own)
        for statement in method.body:
            reader.visit(statement)
        for name in reader.loaded | reader.stored:
            if not self._follow(name):
                self.used.add(name)
        self.stored |= reader.stored
        self.called |= _stateful(module, reader.called)
        self.touched |= _stateful(module, reader.names)


class _Reader(ast.NodeVisitor):
    """What one method does with its first parameter and its classes. Raises Unclear when that is handed on whole."""

    def __init__(self, this: str, classes: set[str]) -> None:
        self._this = this
        self._own = classes | {this}
        self.loaded: set[str] = set()
        self.stored: set[str] = set()
        self.names: set[str] = set()
        self.called: set[str] = set()

    def visit_Global(self, node: ast.Global) -> None:
        raise Unclear(", ".join(node.names))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self._is_own(node.value):
            self.visit(node.value)
        elif node.attr == "__dict__":
            raise Unclear(node.attr)
        else:
            (self.loaded if isinstance(node.ctx, ast.Load) else self.stored).add(node.attr)

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(
                func=ast.Name(id=name), args=[ast.Name(id=this), ast.Constant(value=str(attribute)), *rest]
            ) if name in _BY_NAME and this == self._this:
                (self.stored if name == "setattr" else self.loaded).add(attribute)
                for argument in rest:
                    self.visit(argument)
            case ast.Call(func=ast.Name(id=name)) if name in _HARMLESS:
                return
            case _:
                self.called.add(_root(node.func))
                self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == self._this:
            raise Unclear(node.id)
        self.names.add(node.id)

    def _is_own(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._own
            case ast.Attribute(value=ast.Name(id=name), attr="__class__"):
                return name == self._this
            case ast.Call(func=ast.Name(id="type"), args=[ast.Name(id=name)]):
                return name == self._this
            case ast.Call(func=ast.Name(id="super")):
                return True
            case _:
                return False


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes, calls and awaits begins with; "" for none."""
    while True:
        match node:
            case (
                ast.Attribute(value=inner) | ast.Call(func=inner) | ast.Await(value=inner) | ast.Subscript(value=inner)
            ):
                node = inner
            case ast.Name(id=name):
                return name
            case _:
                return ""


def _stateful(module: str, names: set[str]) -> set[int]:
    """Those of a module's names that may stand for something with a state of its own, by identity.

    Modules, loggers, and what comes from the standard library or the language have none that matters here.
    """
    values = vars(sys.modules[module])
    found = [values[name] for name in names if name in values]
    return {id(value) for value in found if not _is_stateless(value)}


def _is_stateless(value: object) -> bool:
    home = getattr(value, "__module__", None) or type(value).__module__
    return (
        isinstance(value, ModuleType)
        or type(value).__name__ == "Logger"
        or str(home).partition(".")[0] in sys.stdlib_module_names
    )


def _defined_in(cls: type, method: str) -> str | None:
    """The module of the class that gives `cls` this method."""
    return next((base.__module__ for base in cls.__mro__ if method in vars(base)), None)


def _body_of(cls: type) -> _Body | None:
    """A class's body; None for one without methods of interest. Raises Unclear."""
    if cls.__name__ in _TRANSPARENT and cls.__module__ in ("builtins", "abc", "typing"):
        return None
    found = _classes_of(cls.__module__).get(cls.__qualname__)
    if found is None:
        raise Unclear(cls.__qualname__)
    return _Body(cls.__module__, found.body)


@lru_cache(maxsize=256)
def _classes_of(module: str) -> dict[str, ast.ClassDef]:
    """The classes at the top of a module's source, by name. Raises Unclear."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        tree = ast.parse(Path(file or "").read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise Unclear(module) from error
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
