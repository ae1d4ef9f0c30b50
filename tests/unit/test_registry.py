import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pregao.domain.failure import FailureClass
from pregao.scrapers.base import NotConfigured, Scraper
from pregao.scrapers.discovery import LoadProblem
from pregao.scrapers.lookup import BrokenScraper, Lookup
from pregao.scrapers.registry import AmbiguousScraper, Entry, Registry, UnknownScraper
from pregao.scrapers.stored import NothingStored
from pregao.settings import Settings

USER_MODULE = """
class Plain:
    def __init__(self):
        self.name, self.source = "My News", "news.example"
    async def initialize(self): ...
    async def scrape(self, ticker): ...
    async def cleanup(self): ...

class WithSettings:
    name = "Diário Econômico"
    def __init__(self, settings):
        self.settings = settings
    async def initialize(self): ...
    async def scrape(self, ticker): ...
    async def cleanup(self): ...

class MakesASession(Plain):
    def __init__(self):
        import asyncio
        self.name = f"Within {type(asyncio.get_running_loop()).__name__}"

class WithStored(WithSettings):
    name = "Reader"
    def __init__(self, settings, *, stored=None):
        self.settings, self.stored = settings, stored

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


@pytest.mark.parametrize(
    ("loose", "name"),
    [
        ("CoinMarketCap", "CoinMarketCap"),
        ("coin market cap", "CoinMarketCap"),
        ("TradingView", "TradingView"),
        ("Opcoes", "OpcoesNet"),
        ("opções", "OpcoesNet"),
        ("OpcoesNet", "OpcoesNet"),
        ("GoogleNews", "Google News"),
        ("Valor", "Valor Econômico"),
        ("VALOR ECONOMICO", "Valor Econômico"),
        ("Bloomberg", "Bloomberg Línea"),
        ("bloomberg-linea", "Bloomberg Línea"),
    ],
)
def test_the_names_seen_in_the_field_are_understood(loose: str, name: str) -> None:
    assert Registry.load(settings()).resolve_configured(loose) == name


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
    assert registry.resolve("MyNews") == "My News"
    assert registry.resolve("diario economico") == "Diário Econômico"
    assert registry.resolve("plain") == "My News"
    made: Any = registry.create("diarioeconomico")
    assert isinstance(made.settings, Settings)


def test_a_scraper_that_is_made_to_learn_its_name_is_made_within_a_running_loop(user_code: Path) -> None:
    names = Registry.load(settings("own_news_scraper:MakesASession")).names()
    assert any(name.startswith("Within ") for name in names)


def test_a_scraper_that_asks_for_what_is_stored_gets_it_where_there_is_a_database(user_code: Path) -> None:
    stored = NothingStored()
    wanted = settings("own_news_scraper:WithStored", "own_news_scraper:WithSettings")
    made: Any = Registry.load(wanted, stored).create("reader")
    assert (made.stored, isinstance(made.settings, Settings)) == (stored, True)
    alone: Any = Registry.load(wanted).create("reader")
    assert alone.stored is None


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
    assert {"B3", "BCB", "My News"} <= set(registry.names())
    origins = [problem.origin.partition(":")[0] for problem in registry.problems]
    assert origins == ["broken_one", "leaves", "own_news_scraper"]
    assert "No module named 'no_such_module_anywhere'" in registry.problems[0].error


def test_a_scraper_of_the_users_takes_the_place_of_one_that_comes_along(user_code: Path) -> None:
    registry = Registry.load(settings("own_news_scraper:Rival"))

    assert registry.find("B3").origin == "own_news_scraper:Rival"
    assert [entry.origin for entry in registry.hidden] == ["pregao.scrapers.builtin.b3:B3Scraper"]
    assert registry.problems == []


def test_where_both_answer_to_a_module_or_source_the_users_is_meant() -> None:
    ours = entry("OpcoesNet", module="pregao.scrapers.builtin.opcoes", source="opcoes.net.br")
    own = entry("Opções B3", module="scrapers.opcoes_scraper", source="Opcoes.Net.Br")
    registry = Registry([ours, own], [])

    assert registry.resolve("Opcoes") == "Opções B3"
    assert registry.resolve("opcoes.net.br") == "Opções B3"
    assert registry.resolve("OpcoesNet") == "OpcoesNet"
    assert registry.hidden == []


@pytest.mark.parametrize(
    "own",
    [
        entry("Minha B3", module="scrapers.b3_scraper", class_name="Cotacoes"),
        entry("Minha B3", module="scrapers.market", class_name="B3Scraper"),
    ],
    ids=["module", "class"],
)
def test_a_users_module_or_class_of_that_name_takes_the_place_of_ours_too(own: Entry) -> None:
    ours = entry("B3", module="pregao.scrapers.builtin.b3", class_name="B3Scraper", source="B3 S.A.")
    registry = Registry([ours, own], [])

    assert registry.find("b3") is own
    assert registry.hidden == [ours]
    assert registry.names() == ["Minha B3"]


def test_a_users_source_does_not_take_the_place_of_our_name() -> None:
    ours = entry("BCB", module="pregao.scrapers.builtin.bcb", source="Banco Central do Brasil")
    own = entry("Câmbio", module="scrapers.fx_scraper", class_name="Fx", source="BCB")
    registry = Registry([ours, own], [])

    assert (registry.resolve("bcb"), registry.resolve("fx"), registry.hidden) == ("BCB", "Câmbio", [])


def test_ours_does_not_stand_in_for_one_of_the_users_that_does_not_load() -> None:
    ours = entry("B3", module="pregao.scrapers.builtin.b3")
    broken = LoadProblem(origin="scrapers.b3_scraper", error="SyntaxError", names=("b3", "B3Scraper"))

    with pytest.raises(BrokenScraper, match="SyntaxError"):
        Registry([ours], [broken]).resolve("B3")


def test_two_of_the_users_in_a_module_of_our_name_are_ambiguous_and_ours_is_not_meant() -> None:
    ours = entry("B3", module="pregao.scrapers.builtin.b3")
    own = [entry(name, module="scrapers.b3_scraper", class_name=name) for name in ("Quotes", "Dividends")]

    with pytest.raises(AmbiguousScraper, match="Dividends, Quotes"):
        Registry([ours, *own], []).resolve("B3")


def test_what_a_name_found_before_is_forgotten_when_scrapers_change() -> None:
    problem = LoadProblem(origin="a.one", error="SyntaxError", names=("one", "Alpha"), canonical="Alpha")
    before = Lookup([entry("Alpha", module="a.one")], [])
    assert before.find("ALPHA") is before.find("ALPHA")

    with pytest.raises(BrokenScraper):
        Lookup([], [problem]).find("ALPHA")


def test_a_broken_scraper_is_known_by_the_name_that_it_had() -> None:
    problems = [
        LoadProblem(origin="a.one", error="SyntaxError", names=("one", "Alpha"), canonical="Alpha"),
        LoadProblem(origin="a.two", error="SyntaxError", names=("two",)),
    ]
    registry = Registry([entry("Beta")], problems)

    assert (registry.resolve_known("ONE"), registry.resolve_known("beta")) == ("Alpha", "Beta")
    with pytest.raises(BrokenScraper):
        registry.resolve_known("two")


def test_every_scraper_that_comes_along_has_a_canary_unless_its_answers_cost_money() -> None:
    entries = Registry.load(settings()).entries()

    assert {entry.name for entry in entries if entry.canary is None} == {"ChatGPT", "Gemini"}


def test_two_of_the_users_with_one_name_are_both_refused() -> None:
    registry = Registry([entry("Ágora", module="a.one"), entry("agora", module="b.two")], [])

    with pytest.raises(AmbiguousScraper, match=r"it stands for a\.one:X and for b\.two:X: give one another name"):
        registry.resolve("AGORA")
    with pytest.raises(AmbiguousScraper, match=r"a\.one:X"):
        registry.resolve("one")
    assert registry.names() == []
    assert "is also that of b.two:X" in str(registry.problems[0])


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Registry]:
    """The registry with a scraper `Own` that has these `needs`, in an environment of its own."""

    def load(needs: object, **environ: str) -> Registry:
        own = type("Own", (), {"name": "Own", "needs": needs} | dict.fromkeys(("initialize", "scrape", "cleanup"), id))
        module = ModuleType("own_keyed")
        module.Own = own  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "own_keyed", module)
        return Registry.load(Settings.load(None, environ={"PREGAO_SCRAPERS": "own_keyed:Own", **environ}))

    return load


@pytest.mark.parametrize("needs", [("ONE_API_KEY", "TWO_TOKEN"), ["TWO_TOKEN"], "TWO_TOKEN"])
def test_a_scraper_whose_key_is_not_set_says_which(keyed: Callable[..., Registry], needs: object) -> None:
    registry = keyed(needs, ONE_API_KEY="1")
    assert registry.resolve("own") == "Own"
    with pytest.raises(NotConfigured, match="not configured: set TWO_TOKEN") as caught:
        registry.resolve_configured("own")
    assert (caught.value.failure_class, caught.value.retryable) == (FailureClass.LOGIN, False)
    (entry,) = [entry for entry in registry.entries() if entry.name == "Own"]
    assert entry.missing_configuration == "not configured: set TWO_TOKEN"


def test_a_scraper_whose_keys_are_set_can_run(keyed: Callable[..., Registry]) -> None:
    registry = keyed(("ONE_API_KEY", "TWO_TOKEN"), ONE_API_KEY="1", TWO_TOKEN="2")
    assert registry.resolve_configured("own") == "Own"
    assert all(entry.missing_configuration is None for entry in registry.entries() if entry.name == "Own")


def test_all_keys_that_are_missing_are_named_at_once(keyed: Callable[..., Registry]) -> None:
    with pytest.raises(NotConfigured, match="set ONE_API_KEY and TWO_TOKEN"):
        keyed(("ONE_API_KEY", "TWO_TOKEN")).resolve_configured("own")
