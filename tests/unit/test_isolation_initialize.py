"""Whether `initialize` is needed, by what the sources say: a wrong no breaks a scraper, a wrong yes costs a browser."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pregao.isolation.initialize import needs_initialize

BASE = """
import logging
from pool_of_test import pool, settings, Registry
logger = logging.getLogger(__name__)

class BaseScraper:
    _shared = None
    def __init__(self):
        self.name = "x"
        self.page = None
    async def initialize(self):
        {initialize}
    async def fetch(self, address):
        return await self._page().goto(address)
    def _page(self):
        return self.page
    async def plain(self, address):
        logger.info("fetching")
        return address + settings.suffix
    async def pooled(self, address):
        return await pool.page(address)
    async def shared(self):
        return BaseScraper._shared
    async def cleanup(self):
        if self.page:
            await self.page.close()
"""
STARTS_A_BROWSER = "logger.info('starting'); self.page = await launch(headless=settings.headless)"
POOL = """
class Pool: pass
class Settings: suffix = ""; headless = True
class Registry: pass
pool, settings = Pool(), Settings()
"""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., type]]:
    """A scraper class in a module of its own, from the body of its `scrape` and of the base's `initialize`."""

    def load(name: str, text: str) -> ModuleType:
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    def build(scrape: str, initialize: str = STARTS_A_BROWSER, more: str = "") -> type:
        load("pool_of_test", POOL)
        load("base_of_test", BASE.format(initialize=initialize))
        text = f"""
from base_of_test import BaseScraper
from pool_of_test import pool, settings, Registry
class OwnScraper(BaseScraper):
    async def scrape(self, ticker):
        {scrape}
{more}
"""
        cls: type = load("own_of_test", text).OwnScraper
        return cls

    from pregao.isolation import initialize as module

    module._classes_of.cache_clear()
    yield build
    module._classes_of.cache_clear()


@pytest.mark.parametrize(
    "scrape",
    [
        "return ticker",
        "return await self.plain(ticker)",
        "self.seen = ticker; return self.name",
        "logger.info('x')",
        "return getattr(self, 'name')",
        "return isinstance(self, object)",
        "return settings.suffix",
    ],
)
def test_a_browser_that_nobody_uses_is_not_started(make: Callable[..., type], scrape: str) -> None:
    assert not needs_initialize(make(scrape), drives_browser=False)


@pytest.mark.parametrize(
    "scrape",
    [
        "return await self.page.goto(ticker)",
        "return await self.fetch(ticker)",
        "return await super().fetch(ticker)",
        "return getattr(self, 'page')",
        "return await self.own(ticker)",
        "self.page = None",
        "return [await self.fetch(t) for t in ticker]",
        "if not self.page:\n            await self.initialize()",
    ],
)
def test_one_that_is_used_anywhere_on_the_way_is_started(make: Callable[..., type], scrape: str) -> None:
    more = "    async def own(self, ticker):\n        return self._page()"
    assert needs_initialize(make(scrape, more=more), drives_browser=False)


@pytest.mark.parametrize(
    "scrape",
    [
        "return helper(self)",
        "return self.__dict__",
        "return getattr(self, ticker)",
        "it = self\n        return it.page",
        "return vars(self)",
    ],
)
def test_an_object_that_is_handed_on_whole_counts_as_used(make: Callable[..., type], scrape: str) -> None:
    assert needs_initialize(make(scrape), drives_browser=False)


@pytest.mark.parametrize(
    ("initialize", "scrape"),
    [
        ("self.ready = True; await pool.start()", "return await pool.page(ticker)"),
        ("self.ready = True; await pool.start()", "return await self.pooled(ticker)"),
        ("self.ready = True; Registry.open()", "return Registry.of(ticker)"),
        ("BaseScraper._shared = await launch()", "return await self.shared()"),
        ("self.__class__._shared = await launch()", "return self._shared"),
        ("type(self)._shared = await launch()", "return OwnScraper._shared"),
        ("setattr(self, 'page', await launch())", "return self.page"),
        ("await self.open()", "return self.page"),
    ],
)
def test_what_is_prepared_outside_of_the_object_counts_as_well(
    make: Callable[..., type], initialize: str, scrape: str
) -> None:
    more = "    async def open(self):\n        self.page = await launch()"
    assert needs_initialize(make(scrape, initialize, more), drives_browser=False)


@pytest.mark.parametrize(
    "initialize", ["pass", "await pool.start()", "global pool; pool = None; self.x = 1", "prepare(self); self.x = 1"]
)
def test_an_initialize_whose_effect_is_unclear_runs(make: Callable[..., type], initialize: str) -> None:
    assert needs_initialize(make("return ticker", initialize), drives_browser=False)


def test_a_class_that_prepares_itself_always_does(make: Callable[..., type]) -> None:
    more = "    async def initialize(self):\n        self.client = 1"
    assert needs_initialize(make("return ticker", more=more), drives_browser=False)


def test_a_module_that_drives_a_browser_always_prepares(make: Callable[..., type]) -> None:
    assert needs_initialize(make("return ticker"), drives_browser=True)


def test_a_class_without_source_always_prepares() -> None:
    made = type("Made", (), {"initialize": print, "scrape": print, "__module__": "nowhere"})
    assert needs_initialize(type("Own", (made,), {"scrape": print}), drives_browser=False)
