"""A directory of existing scrapers is found whole, whatever its modules do, and none of it enters our process."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from tests.foreign import BROKEN_MODULES, BROKEN_PACKAGE, PLATFORM, directory, look, names, write

from pregao.scrapers.directory import module_files
from pregao.scrapers.discovery import Discovery, FoundScraper
from pregao.scrapers.source_code import SourceCode

IMPATIENT_SECONDS = 3.0
"""For directories in which a module blocks: the others need milliseconds."""


@pytest.fixture(scope="module")
def platform() -> Discovery:
    return look(PLATFORM)


@pytest.fixture(scope="module")
def broken() -> Discovery:
    return look(BROKEN_MODULES)


def found(discovery: Discovery, name: str) -> FoundScraper:
    (scraper,) = [scraper for scraper in discovery.scrapers if scraper.name == name]
    return scraper


def problems(discovery: Discovery) -> dict[str, str]:
    """What is wrong, by module and class, with the place within its directory."""
    return {
        problem.origin: f"{Path(problem.place).name}: {problem.error}{problem.fix and f'; {problem.fix}'}"
        for problem in discovery.problems
    }


def test_every_class_with_the_interface_is_found_once(platform: Discovery) -> None:
    assert names(platform) == [
        "Bloomberg Línea", "Cotações", "Fundamentus", "Google News", "Investing.com", "Limited", "Macro", "OpcoesNet",
        "Phrases", "StatusInvest", "Surroundings", "Talkative", "Valor Econômico",
    ]  # fmt: skip
    assert platform.problems == []


def test_a_scraper_is_where_its_class_is_defined(platform: Discovery) -> None:
    quotes = found(platform, "Cotações")

    assert (quotes.module, quotes.class_name) == ("scrapers.infomoney_scraper", "QuotesScraper")
    assert (quotes.file, quotes.line) == (str(PLATFORM / "scrapers/infomoney_scraper.py"), 6)
    assert quotes.source == "B3 Market Data"


def test_name_source_and_login_may_be_set_by_the_constructor(platform: Discovery) -> None:
    invest = found(platform, "StatusInvest")

    assert (invest.source, invest.needs_login) == ("STATUSINVEST", True)
    assert found(platform, "Fundamentus").needs_login is False


def test_a_class_may_say_which_argument_has_data(platform: Discovery) -> None:
    assert found(platform, "Google News").canary == "Petrobras dividendos"
    assert found(platform, "Fundamentus").canary is None


def test_whether_a_scraper_takes_an_argument_is_told_by_its_signature(platform: Discovery) -> None:
    assert [scraper.name for scraper in platform.scrapers if not scraper.takes_argument] == ["Macro"]


def test_a_browser_is_known_by_what_a_module_imports_or_uses(platform: Discovery) -> None:
    """Investing.com imports Playwright within a method; OpcoesNet uses the `self.driver` of its base class."""
    browsers = [scraper.name for scraper in platform.scrapers if scraper.transport == "browser"]

    assert browsers == ["Investing.com", "OpcoesNet"]


def test_a_base_class_that_starts_a_browser_makes_its_scrapers_browsers_unless_they_use_http(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"Plain": "", "Fetching": "import requests\n"})
    (folder / "base_scraper.py").write_text(
        (folder / "base_scraper.py")
        .read_text()
        .replace("import time\n", "import time\ntry:\n  import selenium\nexcept ImportError: ...\n")
    )
    (folder / "requests.py").touch()

    discovery = look(folder)

    assert {scraper.name: scraper.transport for scraper in discovery.scrapers} == {
        "Plain": "browser",
        "Fetching": "http",
    }


def test_what_the_class_says_of_its_transport_counts(tmp_path: Path) -> None:
    discovery = look(directory(tmp_path, {"Special": "    transport = 'browser'\n"}))

    assert found(discovery, "Special").transport == "browser"


def test_none_of_it_enters_this_process(tmp_path: Path) -> None:
    module = write(
        directory(tmp_path / "own"), "Valor", "Path = __import__('pathlib').Path\nPath('imported').touch()\n"
    )
    before = set(sys.modules), list(sys.path), Path.cwd(), dict(os.environ)

    discovery = look(tmp_path / "own")

    assert names(discovery) == ["Valor"]
    assert (tmp_path / "own/imported").exists(), f"{module} was never imported anywhere"
    strangers = {"base_scraper", "config", "scrapers", "scrapers.valor_scraper"}
    assert strangers & set(sys.modules) == set()
    assert (list(sys.path), Path.cwd(), dict(os.environ)) == before[1:]


def test_programs_of_the_platform_are_not_started(platform: Discovery) -> None:
    """main.py has classes, a base from the platform, and no guard; nothing in it scrapes."""
    assert "main" not in {problem.origin for problem in platform.problems}
    assert "main" not in SourceCode(dict(module_files(PLATFORM))).may_define_scrapers()


def test_a_scraper_whose_base_comes_from_an_installed_package_is_found(tmp_path: Path) -> None:
    folder = directory(tmp_path / "own", {"news.py": "import sdk\nclass News(sdk.BaseScraper):\n    name = 'News'\n"})
    package = "class BaseScraper:\n    initialize = scrape = cleanup = print\n"
    write(tmp_path, "site/sdk.py", package)

    assert names(look(folder, PYTHONPATH=str(tmp_path / "site"))) == ["News"]


def test_modules_that_break_hurt_no_other(broken: Discovery) -> None:
    assert names(broken) == ["Good", "Hopeful"]


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("scrapers.needy", r"needy\.py:3: ModuleNotFoundError: .*a_package_that_nobody_has.*; install the package"),
        ("scrapers.misspelt", r"misspelt\.py:4: ImportError: cannot import name 'setings'"),
        ("scrapers.leaving", r"leaving\.py:7: SystemExit: it ends the process with sys\.exit\('no licence'\)"),
        ("scrapers.dying", r"dying\.py: its process ended with exit code 3"),
        ("scrapers.crashing", r"crashing\.py:7: its process was killed by SIG(SEGV|BUS)"),
        ("scrapers.unmade:UnmadeScraper", r"unmade\.py:9: RuntimeError: no profile directory"),
        ("scrapers.unmade:ParametrisedScraper", r"unmade\.py:15: TypeError: ParametrisedScraper\(\) needs region"),
    ],
)
def test_each_is_told_with_its_line(broken: Discovery, origin: str, told: str) -> None:
    assert re.match(told, problems(broken)[origin])


def test_nothing_else_is_told(broken: Discovery) -> None:
    assert len(broken.problems) == 7


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"Good": "", "torn.py": "class Torn:\n    def scrape(self:\n        pass\n"})

    discovery = look(folder)

    assert names(discovery) == ["Good"]
    assert re.match(r"torn\.py:2: SyntaxError: ", problems(discovery)["scrapers.torn"])


@pytest.mark.parametrize(
    "text",
    [
        "import time\nclass Stuck:\n    def scrape(self): ...\ntime.sleep(1000)\n",
        "class Stuck:\n    scrape = initialize = cleanup = print\n    def __init__(self):\n        while True: pass\n",
    ],
    ids=["at import", "in the constructor"],
)
def test_a_module_that_blocks_is_given_up_and_the_others_load(tmp_path: Path, text: str) -> None:
    folder = directory(tmp_path, {"Before": "", "n_stuck.py": text, "Zuletzt": ""})

    discovery = look(folder, IMPATIENT_SECONDS)

    assert names(discovery) == ["Before", "Zuletzt"]
    line = text.count("\n")
    assert problems(discovery) == {"scrapers.n_stuck": f"n_stuck.py:{line}: it did not load within 3 s"}


def test_a_module_that_prints_megabytes_is_found(tmp_path: Path) -> None:
    folder = directory(
        tmp_path, {"Loud": "import sys\nprint('x' * 5_000_000)\nprint('y' * 5_000_000, file=sys.stderr)\n"}
    )

    assert names(look(folder)) == ["Loud"]


def test_a_module_that_writes_into_every_descriptor_spoils_nothing(tmp_path: Path) -> None:
    noise = "import os\nfor fd in range(3, 40):\n    try: os.write(fd, b'no message\\n')\n    except OSError: ...\n"

    assert names(look(directory(tmp_path, {"Able": "", "Noisy": noise}))) == ["Able", "Noisy"]


def test_a_module_that_forks_is_not_told_twice(tmp_path: Path) -> None:
    discovery = look(directory(tmp_path, {"Able": "", "Forking": "import os\nos.fork()\n"}))

    assert [scraper.name for scraper in discovery.scrapers] == ["Able", "Forking"]


def test_a_module_that_dies_of_another_is_looked_at_again(tmp_path: Path) -> None:
    """The first module ends the process as soon as the second is imported: the second is not to blame."""
    trap = "import builtins, os\nbuiltins.spring_the_trap = lambda: os._exit(9)\n"
    victim = "import builtins\ngetattr(builtins, 'spring_the_trap', int)()\n"

    discovery = look(directory(tmp_path, {"Assassin": trap, "Bystander": victim}))

    assert (names(discovery), discovery.problems) == (["Assassin", "Bystander"], [])


def test_a_package_whose_init_raises_gives_its_modules_nevertheless() -> None:
    discovery = look(BROKEN_PACKAGE)

    assert names(discovery) == ["Good"]
    told = "__init__.py:7: KeyError: 'A_VARIABLE_THAT_NOBODY_SETS'; its modules were loaded without it"
    assert problems(discovery) == {"scrapers": told}


@pytest.mark.parametrize(
    ("ending", "told"),
    [("os._exit(7)", "its process ended with exit code 7"), ("time.sleep(1000)", "it did not load within 3 s")],
)
def test_a_package_whose_init_blocks_or_dies_gives_its_modules_nevertheless(
    tmp_path: Path, ending: str, told: str
) -> None:
    folder = directory(tmp_path, {"Good": "", "__init__.py": f"import os, time\nREADY = os.getpid()\n{ending}\n"})

    discovery = look(folder, IMPATIENT_SECONDS)

    assert [(scraper.name, scraper.run_init) for scraper in discovery.scrapers] == [("Good", False)]
    assert told in problems(discovery)["scrapers"]


def test_a_package_whose_init_sets_things_up_has_it_run(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"__init__.py": "import os\nos.environ['SET_UP'] = 'yes'\n"})
    write(folder, "Needing", "import os\nassert os.environ['SET_UP'] == 'yes'\n")

    assert names(look(folder)) == ["Needing"]


def test_a_module_may_take_from_the_package_what_only_its_init_has(platform: Discovery) -> None:
    """The `__init__` of the platform only re-exports, and is not run before Valor asks it for another scraper."""
    assert found(platform, "Valor Econômico").class_name == "ValorScraper"


def test_scrapers_may_be_top_level_nested_or_in_the_init_itself(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"./Flat": "", "deep/Nested": "", "pack/Within": ""})
    (folder / "deep/nested_scraper.py").rename(folder / "deep/renamed.py")
    (folder / "pack/within_scraper.py").rename(folder / "pack/__init__.py")

    assert {scraper.module for scraper in look(folder).scrapers} == {"flat_scraper", "deep.renamed", "pack"}


def test_tests_environments_and_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"Real": ""})
    for place in ("tests", ".hidden", "venv", "other", "scrapers/__pycache__", "not-a-name", "node_modules"):
        write(folder, f"{place}/Wrong")
    (folder / "other/pyvenv.cfg").touch()
    for name in ("test_real.py", "real_test.py", "conftest.py", "setup.py"):
        (folder / "scrapers" / name).write_text((folder / "scrapers/real_scraper.py").read_text())

    modules = [name for name, _ in module_files(folder)]

    assert modules == ["base_scraper", "config", "scrapers", "scrapers.real_scraper"]


def test_a_folder_that_links_to_its_own_parent_is_entered_once(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"Real": ""})
    (folder / "scrapers/again").symlink_to(folder / "scrapers")

    assert names(look(folder)) == ["Real"]


def test_a_module_with_the_name_of_another_package_says_so(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"./Json": ""})
    (folder / "json_scraper.py").rename(folder / "json.py")

    assert "the name 'json' is taken by" in problems(look(folder))["json"]


def test_naming_the_package_in_place_of_its_directory_is_told(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"Real": ""})

    told = problems(look(folder / "scrapers"))["real_scraper"]

    assert told.endswith(f"base_scraper is in {folder}: name that directory in SCRAPERS_PATH")


def test_a_directory_that_is_not_there_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    discovery = look(tmp_path / "nowhere")

    assert discovery.scrapers == []
    assert "FileNotFoundError" in problems(discovery)[str(tmp_path / "nowhere")]
