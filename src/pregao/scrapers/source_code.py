"""What the source of a directory's modules tells without running them. Standard library only, for child processes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

BROWSER_PACKAGES = frozenset(
    {
        "DrissionPage", "arsenic", "botasaurus", "camoufox", "helium", "nodriver", "patchright", "playwright",
        "playwright_stealth", "pyppeteer", "pyppeteer_stealth", "rebrowser_playwright", "selenium",
        "selenium_driverless", "selenium_stealth", "seleniumbase", "seleniumwire", "splinter",
        "undetected_chromedriver", "webdriver_manager", "zendriver",
    }
)  # fmt: skip
HTTP_MODULES = (
    "aiohttp", "anthropic", "cloudscraper", "curl_cffi", "feedparser", "google.genai", "google.generativeai", "gspread",
    "http.client", "httpx", "mechanize", "niquests", "openai", "primp", "pycurl", "requests", "tls_client", "treq",
    "urllib.request", "urllib3", "websocket", "websockets", "yfinance",
)  # fmt: skip
_BROWSER_ATTRIBUTES = frozenset({"browser", "driver", "page", "playwright", "webdriver"})


class SourceCode:
    """The parsed sources of one directory. A file that cannot be parsed counts as one that may define scrapers."""

    def __init__(self, files: dict[str, Path]) -> None:
        """`files` gives the file of each module by its dotted name."""
        self._trees = {name: _parsed(path) for name, path in files.items()}

    def may_define_scrapers(self) -> list[str]:
        """Modules with a class that scrapes, in order of names.

        It has a `scrape` of its own or of a class of this directory, or a base that is called `…Scraper`.

        The others are programs, models and the like, and are not imported for the sake of looking: a program without a
        guard would start to work.
        """
        scrapers = {cls.name for tree in self._trees.values() for cls in _classes(tree) if _scrapes(cls)}
        before = -1
        while len(scrapers) != before:
            before = len(scrapers)
            scrapers |= {
                cls.name for tree in self._trees.values() for cls in _classes(tree) if scrapers & set(_base_names(cls))
            }
        return [
            name
            for name, tree in sorted(self._trees.items())
            if tree is None or any(cls.name in scrapers for cls in _classes(tree))
        ]

    def is_base(self, class_name: str) -> bool:
        """Whether another class of the directory names it as its base."""
        return any(class_name in _base_names(cls) for tree in self._trees.values() for cls in _classes(tree))

    def class_names(self, module: str) -> list[str]:
        """Classes that the module defines, in order; none when it cannot be parsed."""
        return [cls.name for cls in _classes(self._trees.get(module))]

    def line_of(self, module: str, class_name: str) -> int | None:
        """The line on which a class begins, counted from 1."""
        lines = [cls.lineno for cls in _classes(self._trees.get(module)) if cls.name == class_name]
        return lines[-1] if lines else None

    def transport(self, module: str) -> str | None:
        """`browser` or `http`, by what the module imports and uses; None when it shows neither."""
        tree = self._trees.get(module)
        if tree is None:
            return None
        if self.imports_browser(module) or _uses_browser(tree):
            return "browser"
        known = any(name == http or name.startswith(f"{http}.") for name in _imported(tree) for http in HTTP_MODULES)
        return "http" if known else None

    def imports_browser(self, module: str) -> bool:
        """Whether the module imports what drives a browser, be it within a function."""
        tree = self._trees.get(module)
        return tree is not None and any(name.partition(".")[0] in BROWSER_PACKAGES for name in _imported(tree))


def _parsed(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
        return None  # importing it tells what is wrong


def _classes(tree: ast.Module | None) -> Iterator[ast.ClassDef]:
    if tree is not None:
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def _scrapes(cls: ast.ClassDef) -> bool:
    if any(name.endswith("Scraper") for name in _base_names(cls)):
        return True
    for statement in cls.body:
        match statement:
            case ast.AsyncFunctionDef(name="scrape") | ast.FunctionDef(name="scrape"):
                return True
            case ast.Assign(targets=targets) if any(getattr(target, "id", "") == "scrape" for target in targets):
                return True
    return False


def _base_names(cls: ast.ClassDef) -> Iterator[str]:
    for base in cls.bases:
        match base:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.Subscript(value=ast.Name(id=name)):
                yield name


def _imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported anywhere, in functions as well."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)


def _uses_browser(tree: ast.Module) -> bool:
    """Whether methods use a browser that their base class starts, as in `self.driver.get(…)`."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                if name.lstrip("_") in _BROWSER_ATTRIBUTES:
                    return True
    return False
