import sys
from pathlib import Path
from typing import Any

import pytest

from pregao.scrapers.base import Scraper
from pregao.scrapers.registry import AmbiguousScraper, Entry, Registry, UnknownScraper
from pregao.settings import Settings

USER_MODULE = """
class Plain:
    def __init__(self):
        self.name, self.source = "Google News", "news.google.com"
    async def initialize(self): ...
    async def scrape(self, ticker): ...
    async def cleanup(self): ...

class WithSettings:
    name = "Valor Econômico"
    def __init__(self, settings):
        self.settings = settings
    async def initialize(self): ...
    async def scrape(self, ticker): ...
    async def cleanup(self): ...

class Rival(Plain):
    name = "b3"
    def __init__(self): ...

class NotAScraper:
    pass
"""


def settings(*extra: str) -> Settings:
    return Settings.load(None, environ={"PREGAO_SCRAPERS": ",".join(extra)})


@pytest.fixture
def user_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_news_scraper.py").write_text(USER_MODULE, encoding="utf-8")
    for name in ("own_news_scraper", "broken_one", "leaves"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def entry(name: str, *, module: str = "somewhere.x", class_name: str = "X", source: str = "") -> Entry:
    def make() -> Scraper:
        raise NotImplementedError

    return Entry(name, source, module, class_name, make)


def test_the_scrapers_that_come_with_pregao_are_found_without_a_list() -> None:
    registry = Registry.load(settings())
    assert {"B3", "BCB"} <= set(registry.names())
    assert registry.problems == []


@pytest.mark.parametrize("name", ["BCB", "bcb", " Bcb ", "b.c.b", "Banco Central do Brasil"])
def test_a_name_matches_in_any_case_and_punctuation(name: str) -> None:
    assert Registry.load(settings()).resolve(name) == "BCB"


def test_a_new_instance_is_made_each_time() -> None:
    registry = Registry.load(settings())
    assert registry.create("bcb") is not registry.create("bcb")
    assert registry.create("bcb").name == "BCB"


@pytest.mark.parametrize("name", ["", "   ", "?!"])
def test_an_empty_name_is_unknown(name: str) -> None:
    with pytest.raises(UnknownScraper):
        Registry.load(settings()).resolve(name)


def test_an_unknown_name_suggests_those_that_come_close() -> None:
    registry = Registry([entry("StatusInvest"), entry("Fundamentus")], [])
    with pytest.raises(UnknownScraper, match="did you mean Fundamentus") as caught:
        registry.resolve("fundamentos")
    assert caught.value.suggestions == ["Fundamentus"]
    assert caught.value.field == "scraper_name"


def test_a_name_unlike_any_other_lists_what_is_known() -> None:
    with pytest.raises(UnknownScraper, match="known are B3, BCB"):
        Registry([entry("BCB"), entry("B3")], []).resolve("zzzzzz")


def test_names_come_before_modules_before_classes_before_sources() -> None:
    registry = Registry(
        [
            entry("Valor", module="a.one"),
            entry("Second", module="a.valor_scraper", class_name="Third"),
            entry("Fourth", class_name="SecondScraper", source="third"),
        ],
        [],
    )
    assert registry.resolve("valor") == "Valor"
    assert registry.resolve("second") == "Second"
    assert registry.resolve("third") == "Second"


def test_a_name_for_two_scrapers_lists_both() -> None:
    registry = Registry([entry("News A", source="Globo"), entry("News B", source="globo")], [])
    with pytest.raises(AmbiguousScraper, match="News A, News B") as caught:
        registry.resolve("GLOBO")
    assert caught.value.candidates == ["News A", "News B"]


def test_the_users_own_scrapers_are_loaded_by_import_path(user_code: Path) -> None:
    registry = Registry.load(settings("own_news_scraper:Plain", "own_news_scraper:WithSettings"))
    assert registry.resolve("GoogleNews") == "Google News"
    assert registry.resolve("valor economico") == "Valor Econômico"
    assert registry.resolve("plain") == "Google News"
    made: Any = registry.create("valoreconomico")
    assert isinstance(made.settings, Settings)


def test_two_classes_of_one_module_are_ambiguous_under_the_modules_name(user_code: Path) -> None:
    registry = Registry.load(settings("own_news_scraper:Plain", "own_news_scraper:WithSettings"))
    with pytest.raises(AmbiguousScraper):
        registry.resolve("own_news")


def test_a_scraper_that_does_not_load_is_listed_and_hurts_no_other(user_code: Path) -> None:
    (user_code / "broken_one.py").write_text("import no_such_module_anywhere\n")
    (user_code / "leaves.py").write_text("raise SystemExit(3)\n")
    registry = Registry.load(
        settings("broken_one:Any", "leaves:Any", "own_news_scraper:NotAScraper", "own_news_scraper:Plain")
    )
    assert {"B3", "BCB", "Google News"} <= set(registry.names())
    origins = [problem.origin.partition(":")[0] for problem in registry.problems]
    assert origins == ["broken_one", "leaves", "own_news_scraper"]
    assert "No module named 'no_such_module_anywhere'" in registry.problems[0].error


def test_a_scraper_of_the_users_takes_the_place_of_one_that_comes_along(user_code: Path) -> None:
    registry = Registry.load(settings("own_news_scraper:Rival"))

    assert registry.find("B3").origin == "own_news_scraper:Rival"
    assert [entry.origin for entry in registry.hidden] == ["pregao.scrapers.builtin.b3:B3Scraper"]
    assert registry.problems == []


def test_two_of_the_users_with_one_name_are_both_refused() -> None:
    registry = Registry([entry("Ágora", module="a.one"), entry("agora", module="b.two")], [])

    with pytest.raises(AmbiguousScraper, match=r"it stands for a\.one:X and for b\.two:X: give one another name"):
        registry.resolve("AGORA")
    with pytest.raises(AmbiguousScraper, match=r"a\.one:X"):
        registry.resolve("one")
    assert registry.names() == []
    assert "is also that of b.two:X" in str(registry.problems[0])
