"""The registry with directories of the user's own: names, rivals, what is kept, and edits while it runs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from loguru import logger
from tests.builders import eventually
from tests.foreign import PLATFORM, directory, registry_of, settings_for, write
from tests.running_system import run_pregao, wait_until

from pregao.domain.errors import ScrapeError
from pregao.scrapers.following import following
from pregao.scrapers.lookup import AmbiguousScraper, BrokenScraper, UnknownScraper
from pregao.scrapers.registry import Registry

COUNTED = "from pathlib import Path\nwith Path('../looks').open('a') as looks:\n    looks.write('x')\n"
"""In a module: each import of it leaves a mark beside the directory."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return registry_of(tmp_path_factory.mktemp("home"), PLATFORM)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one scraper, Alpha, whose imports are counted."""
    return directory(tmp_path / "own", {"Alpha": COUNTED, "Beta": ""})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def looks(folder: Path) -> int:
    """How often the modules of the directory were imported so far."""
    return len((folder.parent / "looks").read_text())


@contextmanager
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level} {message}", level="INFO")
    try:
        yield lines
    finally:
        logger.remove(sink)


@pytest.mark.parametrize(
    ("loose", "name"),
    [
        ("GoogleNews", "Google News"),
        ("Valor", "Valor Econômico"),
        ("valor economico", "Valor Econômico"),
        ("Opcoes", "OpcoesNet"),
        ("Bloomberg", "Bloomberg Línea"),
        ("Investing", "Investing.com"),
        ("FUNDAMENTUS", "Fundamentus"),
        ("status-invest", "StatusInvest"),
        ("infomoney", "Cotações"),
        ("quotes", "Cotações"),
        ("b3 market data", "Cotações"),
    ],
)
def test_loose_names_find_the_users_scrapers(platform: Registry, loose: str, name: str) -> None:
    assert platform.resolve(loose) == name


def test_an_unknown_name_suggests_the_users_scrapers(platform: Registry) -> None:
    with pytest.raises(UnknownScraper, match=r"did you mean Fundamentus\?"):
        platform.resolve("Fundamentos")


def test_the_users_scrapers_run_in_processes_of_their_own(platform: Registry) -> None:
    entry = platform.find("Fundamentus")

    assert (entry.executor, entry.directory, entry.comes_along) == ("isolated", PLATFORM, False)
    with pytest.raises(ScrapeError, match="runs in a process of its own"):
        entry.make()
    assert platform.find("BCB").executor == "in_loop"


def test_a_scraper_of_the_users_takes_the_place_of_one_that_comes_along(home: Path, tmp_path: Path) -> None:
    registry = registry_of(home, directory(tmp_path / "own", {"BCB": ""}))

    assert registry.find("bcb").origin == f"scrapers.bcb_scraper:BCBScraper in {tmp_path / 'own'}"
    assert [entry.origin for entry in registry.hidden] == ["pregao.scrapers.builtin.bcb:BCBScraper"]
    assert registry.problems == []


def test_one_of_the_users_that_does_not_load_is_not_replaced_by_ours(home: Path, tmp_path: Path) -> None:
    folder = directory(tmp_path / "own", {"BCB": ""})
    file = folder / "scrapers/bcb_scraper.py"
    file.write_text(f"{file.read_text()}    def torn(\n")

    with pytest.raises(BrokenScraper, match=r"bcb_scraper\.py:\d+: SyntaxError"):
        registry_of(home, folder).resolve("BCB")


def test_one_name_in_two_directories_is_an_error_that_lists_both(home: Path, tmp_path: Path) -> None:
    one, two = directory(tmp_path / "one", {"Alpha": "", "Beta": ""}), directory(tmp_path / "two", {"Alpha": ""})

    registry = registry_of(home, one, two)

    with pytest.raises(AmbiguousScraper) as caught:
        registry.resolve("alpha")
    assert caught.value.candidates == [f"scrapers.alpha_scraper:AlphaScraper in {place}" for place in (one, two)]
    assert "Alpha" not in registry.names()
    assert "Beta" in registry.names()
    assert [problem.place for problem in registry.problems] == [f"{one / 'scrapers/alpha_scraper.py'}:3"]


def test_modules_of_two_directories_may_have_the_same_names(home: Path, tmp_path: Path) -> None:
    one, two = directory(tmp_path / "one", {"Alpha": ""}), directory(tmp_path / "two")
    write(two, "alpha_scraper.py", (one / "scrapers/alpha_scraper.py").read_text().replace("Alpha", "Omega"))

    assert {"Alpha", "Omega"} <= set(registry_of(home, one, two).names())


def test_unchanged_files_are_not_looked_at_again(home: Path, folder: Path) -> None:
    names = [registry_of(home, folder).names() for _ in range(3)]

    assert names[0] == names[1] == names[2]
    assert looks(folder) == 1


@pytest.mark.parametrize(
    "changed", ["base_scraper.py", "config.py", "scrapers/__init__.py", "scrapers/beta_scraper.py", "new.py", ".env"]
)
def test_any_module_or_env_file_that_changes_has_them_looked_at_again(home: Path, folder: Path, changed: str) -> None:
    registry = registry_of(home, folder)

    with (folder / changed).open("a") as file:
        file.write("# changed\n")

    assert registry.refresh()
    assert not registry.refresh()
    assert looks(folder) == 2


def test_an_edit_that_keeps_the_size_is_seen_by_its_time(home: Path, folder: Path) -> None:
    registry = registry_of(home, folder)
    file = folder / "scrapers/beta_scraper.py"
    before = file.stat()

    file.write_text(file.read_text().replace("Beta source", "Zeta source"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))

    assert registry.refresh()
    assert registry.find("Beta").source == "Zeta source"


def test_nothing_is_left_in_the_users_directory(home: Path, folder: Path) -> None:
    before = sorted(folder.rglob("*"))

    registry_of(home, folder)

    assert sorted(folder.rglob("*")) == before


def test_files_are_looked_at_again_when_asked(home: Path, folder: Path) -> None:
    Registry.load(settings_for(home, folder))
    Registry.load(settings_for(home, folder), anew=True)

    assert looks(folder) == 2


def test_what_scrapers_are_given_counts_as_a_change(home: Path, folder: Path) -> None:
    registry_of(home, folder, DB_PASSWORD="secret")
    registry_of(home, folder, DB_PASSWORD="secret", SCRAPERS_ENV="DB_PASSWORD")

    assert looks(folder) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 0}', b"\xff\xfe"])
def test_a_damaged_cache_is_written_anew(home: Path, folder: Path, damage: bytes) -> None:
    registry_of(home, folder)
    (kept,) = (home / "cache/scrapers").glob("*.json")
    whole = kept.read_bytes()
    kept.write_bytes(damage)

    assert "Alpha" in registry_of(home, folder).names()
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(home: Path, folder: Path) -> None:
    home.mkdir()
    (home / "cache").write_text("a file where a folder should be")

    with logged() as lines:
        assert "Alpha" in registry_of(home, folder).names()

    assert any("cannot be kept" in line for line in lines)


def test_processes_that_start_together_look_once(home: Path, folder: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "SCRAPERS_PATH": str(folder), "PREGAO_HOME": str(home)}
    command = [sys.executable, "-m", "pregao", "scrapers", "list"]

    started = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=60)[0] for process in started]

    assert all("Alpha" in text for text in told)
    assert looks(folder) == 1


def test_a_broken_edit_costs_that_scraper_alone_and_keeps_its_name(home: Path, folder: Path) -> None:
    registry = registry_of(home, folder)
    file = folder / "scrapers/beta_scraper.py"
    sound = file.read_text()

    file.write_text(sound + "    def torn(\n")
    registry.refresh()

    assert "Alpha" in registry.names()
    with pytest.raises(BrokenScraper, match=r"does not load \(.*beta_scraper\.py:8: SyntaxError") as caught:
        registry.resolve("BETA")
    assert caught.value.canonical == "Beta"
    file.write_text(sound)
    registry.refresh()
    assert (registry.resolve("beta"), registry.problems) == ("Beta", [])


def test_a_process_that_starts_after_a_broken_edit_knows_the_name_too(home: Path, folder: Path) -> None:
    write(folder, "money.py", (folder / "scrapers/beta_scraper.py").read_text().replace('"Beta"', '"Câmbio e Juros"'))
    registry_of(home, folder)
    (folder / "scrapers/money.py").write_text("import nothing_of_that_name\nclass A:\n    def scrape(self): ...\n")

    for _ in range(2):
        with pytest.raises(BrokenScraper) as caught:
            registry_of(home, folder).resolve("cambio e juros")

    assert caught.value.canonical == "Câmbio e Juros"


def test_a_scraper_that_never_loaded_is_known_by_its_file_and_class(home: Path, folder: Path) -> None:
    write(folder, "money.py", "import nothing_of_that_name\nclass FxScraper:\n    def scrape(self): ...\n")
    registry = registry_of(home, folder)

    for name in ("money", "fx"):
        with pytest.raises(BrokenScraper) as caught:
            registry.resolve(name)
        assert caught.value.canonical is None


def test_a_deleted_scraper_is_unknown(home: Path, folder: Path) -> None:
    registry = registry_of(home, folder)

    (folder / "scrapers/beta_scraper.py").unlink()
    registry.refresh()

    with pytest.raises(UnknownScraper):
        registry.resolve("Beta")


def test_a_directory_that_goes_away_is_told_and_comes_back(home: Path, folder: Path) -> None:
    registry = registry_of(home, folder)

    folder.rename(folder.with_name("elsewhere"))
    registry.refresh()
    with pytest.raises(BrokenScraper, match="the directory cannot be read"):
        registry.resolve("Alpha")
    assert str(registry.problems[0]).startswith(f"{folder}: the directory cannot be read (No such file or directory)")
    folder.with_name("elsewhere").rename(folder)
    registry.refresh()

    assert registry.resolve("Alpha") == "Alpha"


def test_a_secret_that_a_module_misses_is_named_with_the_setting_that_gives_it(home: Path, tmp_path: Path) -> None:
    folder = directory(tmp_path / "own", {"Alpha": "import os\nPASSWORD = os.environ['DB_PASSWORD']\n"})

    (problem,) = registry_of(home, folder, DB_PASSWORD="secret").problems

    assert problem.fix == "DB_PASSWORD is kept from scrapers; SCRAPERS_ENV=DB_PASSWORD gives it to them"
    assert registry_of(home, folder, DB_PASSWORD="secret", SCRAPERS_ENV="DB_PASSWORD").resolve("alpha") == "Alpha"


async def test_a_running_process_follows_the_files(home: Path, folder: Path) -> None:
    async def names() -> list[str]:
        return registry.names()

    registry = registry_of(home, folder)
    version = registry.version
    async with following(registry):
        write(folder, "Gamma")
        await eventually(names, lambda now: "Gamma" in now, what="Gamma is found")
        write(folder, "beta_scraper.py", "class Beta:\n    def scrape(:\n")
        await eventually(names, lambda now: "Beta" not in now, what="Beta is missed")
        assert {"Alpha", "Gamma"} <= set(registry.names())
    assert registry.version == version + 2


async def test_following_without_directories_does_nothing(home: Path) -> None:
    registry = registry_of(home)

    async with following(registry):
        assert not registry.watched


def test_what_changes_is_logged_once(home: Path, folder: Path) -> None:
    registry = registry_of(home, folder)
    write(folder, "Gamma")
    (folder / "scrapers/beta_scraper.py").unlink()

    with logged() as lines:
        registry.refresh()
        registry.refresh()

    assert lines == ["INFO scrapers new: Gamma\n", "INFO scrapers gone: Beta\n"]


def test_a_look_ends_with_the_process_that_wanted_it(home: Path, tmp_path: Path) -> None:
    folder = directory(
        tmp_path / "own", {"stuck.py": "import time\nclass A:\n  def scrape(self): ...\ntime.sleep(1000)\n"}
    )
    environ = {"PATH": os.environ["PATH"], "SCRAPERS_PATH": str(folder), "PREGAO_HOME": str(home)}
    asking = subprocess.Popen([sys.executable, "-m", "pregao", "scrapers", "list"], env=environ)
    try:
        parent = psutil.Process(asking.pid)
        wait_until(lambda: bool(parent.children()), 60, "the child is there")
        (child,) = parent.children()
    finally:
        asking.kill()
        asking.wait()

    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 20, "the child ends as well")
    with next((home / "cache/scrapers").glob("*.lock")).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it any more


def test_a_bad_path_stops_every_command_with_its_fix(tmp_path: Path) -> None:
    done = run_pregao("scrapers", "list", SCRAPERS_PATH=str(tmp_path / "nowhere"), PREGAO_HOME=str(tmp_path))

    assert done.returncode == 2
    assert f"SCRAPERS_PATH: '{tmp_path / 'nowhere'}' does not exist; correct the path" in done.stderr
