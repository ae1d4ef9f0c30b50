"""`directory.py` as a child process uses it: import path, packages whose `__init__` does not run, classes."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.foreign import BROKEN_MODULES, BROKEN_PACKAGE, PLATFORM, directory, write

from pregao.scrapers import directory as module_under_test

PRELUDE = """
import sys
from pathlib import Path
from pregao.scrapers.directory import find_classes, init_errors, load_class, load_module, prepare
here = Path(sys.argv[1])
prepare(here)
"""


def inside(folder: Path, code: str) -> list[str]:
    """What the code prints, line by line, in a process whose working directory is another one."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PRELUDE + code, str(folder)],
        env={"PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line != "the module speaks"]


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(Path(module_under_test.__file__).read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported <= set(sys.stdlib_module_names)


def test_prepare_makes_the_directory_the_first_import_path_and_the_working_directory() -> None:
    assert inside(PLATFORM, "import os\nprint(sys.path[0], os.getcwd(), sep='\\n')") == [str(PLATFORM)] * 2


def test_a_class_is_loaded_although_the_init_of_its_package_fails() -> None:
    code = "print(load_class(here, 'scrapers.good', 'GoodScraper')().name)\nprint(*init_errors())"

    assert inside(BROKEN_PACKAGE, code) == ["Good", "scrapers"]


def test_a_class_is_loaded_although_its_neighbours_would_end_the_process() -> None:
    assert inside(BROKEN_MODULES, "print(load_class(here, 'scrapers.good', 'GoodScraper')().name)") == ["Good"]


def test_an_init_that_only_re_exports_runs_when_a_name_of_it_is_asked_for_and_not_before() -> None:
    code = """
load_class(here, "scrapers.fundamentus_scraper", "FundamentusScraper")
print("scrapers.macro_scraper" in sys.modules)
from scrapers import MacroScraper
print("scrapers.macro_scraper" in sys.modules, MacroScraper().name)
"""
    assert inside(PLATFORM, code) == ["False", "True Macro"]


def test_everything_of_a_package_can_be_asked_for() -> None:
    assert inside(PLATFORM, "from scrapers import *\nprint(ValorScraper().name)") == ["Valor Econômico"]


def test_a_name_that_no_init_has_is_an_attribute_error() -> None:
    code = "load_module(here, 'scrapers.macro_scraper')\nimport scrapers\nprint(hasattr(scrapers, 'nothing'))"

    assert inside(PLATFORM, code) == ["False"]


def test_a_name_is_imported_without_those_that_the_init_imports_beside_it() -> None:
    """Running this `__init__` would end the process."""
    code = """
load_module(here, "scrapers.hopeful")
from scrapers import GoodScraper
print(GoodScraper().name)
try:
    from scrapers import NeedyScraper
except ImportError as error:
    print(error)
"""
    assert inside(BROKEN_MODULES, code) == ["Good", "No module named 'a_package_that_nobody_has'"]


def test_a_name_that_an_init_makes_has_it_run(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"Good": "", "__init__.py": "from .good_scraper import GoodScraper as Best\n"})
    fallback = "try:\n    from .missing import Name\nexcept ImportError:\n    Name = 'replaced'\n"
    write(folder, "scrapers/deep/__init__.py", fallback)
    write(folder, "scrapers/deep/leaf.py")

    code = """
load_module(here, "scrapers.deep.leaf")
from scrapers import Best
from scrapers.deep import Name
print(Best().name, Name)
"""
    assert inside(folder, code) == ["Good replaced"]


def test_an_init_with_more_dots_than_packages_costs_only_itself(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"Good": "", "__init__.py": "from ...far import Away\n"})

    code = "print(load_class(here, 'scrapers.good_scraper', 'GoodScraper')().name)"
    assert inside(folder, code) == ["Good"]


def test_with_run_init_off_an_init_that_sets_things_up_waits_too(tmp_path: Path) -> None:
    folder = directory(tmp_path, {"Good": "", "__init__.py": "print('init')\nNAME = str(1)\n"})

    assert inside(folder, "load_module(here, 'scrapers.good_scraper')") == ["init"]
    assert inside(folder, "load_module(here, 'scrapers.good_scraper', run_init=False)") == []
    late = "load_module(here, 'scrapers.good_scraper', run_init=False)\nfrom scrapers import NAME\nprint(NAME)"
    assert inside(folder, late) == ["init", "1"]


def test_a_class_that_is_not_there_is_an_import_error() -> None:
    code = """
for module, name in (("scrapers.macro_scraper", "Nobody"), ("scrapers.nowhere", "Nobody"), ("os", "PathLike")):
    try:
        load_class(here, module, name)
    except ImportError as error:
        print(error)
"""
    told = inside(PLATFORM, code)

    assert told[0] == "module 'scrapers.macro_scraper' has no class 'Nobody'"
    assert told[1] == "No module named 'scrapers.nowhere'"
    assert told[2].startswith("the name 'os' is taken by ")


def test_bases_protocols_and_imported_classes_are_no_scrapers(tmp_path: Path) -> None:
    text = """
from abc import abstractmethod
from typing import Protocol
from base_scraper import BaseScraper
class Whole:
    initialize = scrape = cleanup = print
Alias = Whole
class Partial:
    scrape = print
class BaseThing(Whole): ...
class AbstractThing(Whole): ...
class _Private(Whole): ...
class Shape(Protocol):
    def initialize(self): ...
    def scrape(self): ...
    def cleanup(self): ...
class Unfinished(BaseScraper): ...
class Child(BaseThing): ...
"""
    folder = directory(tmp_path)
    write(folder, "mixed.py", text)

    code = "print(*[cls.__name__ for cls in find_classes(load_module(here, 'scrapers.mixed'))])"
    assert inside(folder, code) == ["Whole Child"]


@pytest.mark.parametrize("module", ["scrapers", "scrapers.good"])
def test_the_package_itself_raises_what_its_init_raises(module: str) -> None:
    code = f"try:\n    load_module(here, {module!r})\nexcept KeyError as error:\n    print(error)"

    assert inside(BROKEN_PACKAGE, code) == (["'A_VARIABLE_THAT_NOBODY_SETS'"] if module == "scrapers" else [])
