"""Directories of scrapers written for another platform, and the registry that a process with them has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pregao.scrapers.discovery import Discovery, discover
from pregao.scrapers.registry import Registry
from pregao.settings import Settings

FOREIGN = Path(__file__).parent / "foreign_scrapers"
PLATFORM = FOREIGN / "platform"
BROKEN_MODULES = FOREIGN / "broken_modules"
BROKEN_PACKAGE = FOREIGN / "broken_package"
LOAD_SECONDS = 60.0
"""Far more than any module needs, so that no test of something else hangs on the machine's speed."""

SCRAPER = """
from base_scraper import BaseScraper
class {name}Scraper(BaseScraper):
    def __init__(self):
        super().__init__("{name}", "{name} source")
    async def scrape(self, ticker):
        return self.found({{"ticker": ticker}})
"""


def directory(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """A directory of the test's own in the platform's style, with these files in its `scrapers/`.

    One without a suffix is a scraper of that name, with the text at its end: `{"Valor": "", "economy/News": ""}`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("base_scraper.py", "config.py"):
        shutil.copy(PLATFORM / name, folder / name)
    (folder / "scrapers").mkdir(exist_ok=True)
    (folder / "scrapers" / "__init__.py").touch()
    for name, text in (files or {}).items():
        write(folder, name, text)
    return folder


def write(folder: Path, name: str, text: str = "") -> Path:
    """One file of such a directory, replaced in one step as an editor does it."""
    file = folder / (name if "/" in name else f"scrapers/{name}")
    if file.suffix != ".py":
        text = SCRAPER.format(name=file.name) + text
        file = file.with_name(f"{file.name.lower()}_scraper.py")
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
    return file


def look(folder: Path, timeout_seconds: float = LOAD_SECONDS, **environment: str) -> Discovery:
    """What a directory holds, looked at without a cache."""
    return discover(folder, {"PATH": os.environ["PATH"], **environment}, timeout_seconds)


def names(discovery: Discovery) -> list[str]:
    """The names of what was found."""
    return sorted(scraper.name for scraper in discovery.scrapers)


def settings_for(home: Path, *directories: Path, **environ: str) -> Settings:
    """Settings of a process that is given these directories; the environment and `.env` are not read."""
    given = {
        "PATH": os.environ["PATH"],
        "SCRAPERS_PATH": os.pathsep.join(map(str, directories)),
        "SCRAPERS_LOAD_SECONDS": str(LOAD_SECONDS),
        **environ,
    }
    return Settings.load(None, environ=given, pregao_home=home)


def registry_of(home: Path, *directories: Path, **environ: str) -> Registry:
    """The registry of such a process."""
    return Registry.load(settings_for(home, *directories, **environ))
