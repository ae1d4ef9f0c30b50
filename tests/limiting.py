"""Limits for tests: a registry of names only, and files of limits in a directory of the test's own."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from pregao.domain.names import fold
from pregao.limits.file import LimitsFile, load_limits
from pregao.limits.layers import Layers, TypedOverride
from pregao.limits.values import ScraperLimits
from pregao.scrapers.registry import AmbiguousScraper, UnknownScraper


class SomeNames:
    """Knows these scrapers; `Inv` stands for two."""

    def __init__(self, *names: str) -> None:
        self.names = names or ("B3", "Google News", "Investing.com", "Investidor10")
        self.version = 1

    def resolve_known(self, name: str) -> str:
        if fold(name) == "inv":
            raise AmbiguousScraper(name, ["Investidor10", "Investing.com"])
        for known in self.names:
            if fold(known) == fold(name):
                return known
        close = [known for known in self.names if fold(known).startswith(fold(name)[:3])]
        raise UnknownScraper(name, close, list(self.names))


def written(directory: Path, text: str) -> Path:
    """A file of limits with this text."""
    path = directory / "scrapers.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def loaded(directory: Path, text: str) -> LimitsFile:
    """What such a file holds."""
    return load_limits(written(directory, text), SomeNames().resolve_known)


def layers(file: LimitsFile, environment: dict[str, Any] | None = None, **overrides: Any) -> Layers:
    """A file under overrides of B3, over an environment of (value, variable)."""
    changed = {key: TypedOverride("B3", value, "ana", "2026-11-24") for key, value in overrides.items()}
    return Layers(environment or {}, file, {"b3": changed} if changed else {})


def limits_of(directory: Path, text: str, scraper: str = "B3") -> ScraperLimits:
    """What a sound file says of a scraper."""
    file = loaded(directory, text)
    assert file.problems == []
    return layers(file).limits_of(scraper)
