"""Which scrapers there are, found by looking: what comes with Pregão, PREGAO_SCRAPERS, and the directories of
SCRAPERS_PATH, which are looked at again when their files change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from loguru import logger

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import NotConfigured, Scraper
from pregao.scrapers.discovery import FoundScraper, LoadProblem
from pregao.scrapers.discovery_cache import ScraperDirectory
from pregao.scrapers.entry import Entry
from pregao.scrapers.installed import canonical_name, installed
from pregao.scrapers.lookup import AmbiguousScraper, BrokenScraper, Lookup, UnknownScraper
from pregao.scrapers.stored import StoredResults
from pregao.settings import Settings

__all__ = ["AmbiguousScraper", "BrokenScraper", "Entry", "Registry", "UnknownScraper"]


class Registry:
    """The scrapers that can be run here. What could not be loaded is in `problems`, and hurts no other.

    Readers see one moment or the next, never half of each: `refresh` may run in another thread. `version` grows with
    each change.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        problems: Iterable[LoadProblem],
        directories: Sequence[ScraperDirectory] = (),
    ) -> None:
        """`entries` and `problems` are those that stay; what `directories` hold comes with the first `refresh`."""
        self.version = 0
        self._fixed = list(entries), list(problems)
        self._directories = list(directories)
        self._lookup = Lookup(*self._fixed)
        self._read: list[str] = []
        self._refreshing = threading.Lock()

    @classmethod
    def load(cls, settings: Settings, stored: StoredResults | None = None, *, anew: bool = False) -> Registry:
        """Find and list everything; never raises for a scraper that does not load.

        Takes as long as its child processes need when a directory has changed; `anew` looks again in any case.
        `stored` is for those who run scrapers: it goes to the classes that ask for it.
        """
        directories = [
            ScraperDirectory(
                path,
                cache=settings.home / "cache" / "scrapers",
                environment=settings.scraper_environment,
                timeout_seconds=settings.scrapers_load_seconds,
            )
            for path in settings.scrapers_path
        ]
        registry = cls(*installed(settings, stored), directories)
        registry.refresh(anew=anew)
        return registry

    @property
    def problems(self) -> list[LoadProblem]:
        """What did not load, and names that stand for two."""
        return list(self._lookup.problems)

    @property
    def hidden(self) -> list[Entry]:
        """What comes with Pregão, but gave its name to a scraper of the user's."""
        return list(self._lookup.hidden)

    @property
    def watched(self) -> bool:
        """Whether there are directories whose files may change."""
        return bool(self._directories)

    def names(self) -> list[str]:
        """Canonical names, in alphabetical order."""
        return self._lookup.names()

    def entries(self) -> list[Entry]:
        """All scrapers, in the order of their names."""
        lookup = self._lookup
        return [lookup.entries[name] for name in lookup.names()]

    def find(self, name: str) -> Entry:
        """The scraper behind a loose name. Raises UnknownScraper, AmbiguousScraper or BrokenScraper."""
        return self._lookup.find(name)

    def find_configured(self, name: str) -> Entry:
        """As `find`, but raises NotConfigured for a scraper whose needed variables are not set here."""
        entry = self.find(name)
        if entry.missing:
            raise NotConfigured(*entry.missing)
        return entry

    def resolve(self, name: str) -> str:
        """The canonical name behind a loose one. Raises as `find`."""
        return self.find(name).name

    def resolve_configured(self, name: str) -> str:
        """As `resolve`, but raises as `find_configured`."""
        return self.find_configured(name).name

    def resolve_known(self, name: str) -> str:
        """As `resolve`, but a scraper that did load before and is broken now keeps its name here."""
        try:
            return self.resolve(name)
        except BrokenScraper as error:
            if error.canonical is None:
                raise
            return error.canonical

    def create(self, name: str) -> Scraper:
        """A new instance, here. Raises as `find`, or whatever the user's constructor raises."""
        return self.find(name).make()

    def stamps(self) -> list[str]:
        """Texts that change with the files of the directories."""
        return [directory.stamp() for directory in self._directories]

    def changed(self, stamps: list[str]) -> bool:
        """Whether files are not as they were when they were read."""
        return stamps != self._read

    def refresh(self, *, anew: bool = False) -> bool:
        """Look again at the directories whose files changed; whether anything came of it. Blocks meanwhile."""
        with self._refreshing:
            if not anew and self.version and not self.changed(self.stamps()):
                return False
            looks = [directory.read(anew=anew) for directory in self._directories]
            self._read = [stamp for stamp, _ in looks]
            entries, problems = list(self._fixed[0]), list(self._fixed[1])
            for directory, (_, discovery) in zip(self._directories, looks, strict=True):
                entries += [_entry(found, directory) for found in discovery.scrapers]
                problems += discovery.problems
            before, self._lookup = self._lookup, Lookup(entries, problems)
            self._tell(before, first=self.version == 0)
            self.version += 1
            return True

    def _tell(self, before: Lookup, *, first: bool) -> None:
        """Log what is new; all of it at the first time."""
        known = set() if first else set(map(str, before.problems))
        for problem in self._lookup.problems:
            if str(problem) not in known:
                logger.warning("scraper not loaded: {}", problem)
        if first:
            return
        for word, one, other in (("new", self._lookup, before), ("gone", before, self._lookup)):
            names = sorted(one.entries.keys() - other.entries.keys())
            if names:
                logger.info("scrapers {}: {}", word, ", ".join(names))


def _entry(found: FoundScraper, directory: ScraperDirectory) -> Entry:
    name = canonical_name(found.name, found.class_name)
    return Entry(
        name=name,
        source=found.source,
        module=found.module,
        class_name=found.class_name,
        make=_refuse_to_make(name),
        executor="isolated",
        directory=directory.path,
        transport="browser" if found.transport == "browser" else "http",
        needs_login=found.needs_login,
        takes_argument=found.takes_argument,
        canary=found.canary,
        file=found.file,
        line=found.line,
        run_init=found.run_init,
    )


def _refuse_to_make(name: str) -> Callable[[], Scraper]:
    def make() -> Scraper:
        raise ScrapeError(f"{name} runs in a process of its own, never in this one", FailureClass.BUG)

    return make
