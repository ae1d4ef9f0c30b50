"""Finding a scraper by a loose name, and saying what is wrong with a name that finds none."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pregao.domain.errors import InvalidInput
from pregao.domain.names import fold
from pregao.scrapers.discovery import LoadProblem
from pregao.scrapers.entry import Entry

SPELLINGS_LIMIT = 10_000
"""Every job asks for its scraper by some spelling: these many are remembered, and never folded again."""


class UnknownScraper(InvalidInput):
    """No scraper is called that; `suggestions` are the names that come close."""

    def __init__(self, name: object, suggestions: list[str], known: list[str]) -> None:
        self.suggestions = suggestions
        shown = suggestions or known
        fix = f"did you mean {', '.join(shown)}?" if suggestions else f"known are {', '.join(shown) or 'none'}"
        super().__init__("scraper_name", name, "is not a known scraper", fix)


class AmbiguousScraper(InvalidInput):
    """More than one scraper answers to that; `candidates` are their names, or places where the names are equal."""

    def __init__(self, name: object, candidates: list[str], fix: str = "") -> None:
        """`fix` is what to do when writing a candidate in full does not help."""
        self.candidates = candidates
        fix = fix or f"write one of {', '.join(candidates)} in full"
        super().__init__("scraper_name", name, "is ambiguous", fix)


class BrokenScraper(InvalidInput):
    """A scraper answers to that, but does not load now, for `reason`; `canonical` is its name if it did load before."""

    def __init__(self, name: object, problem: LoadProblem) -> None:
        self.canonical = problem.canonical
        self.reason = f"{problem.place}: {problem.error}"
        told = f"is a scraper that does not load ({self.reason})"
        super().__init__("scraper_name", name, told, problem.fix or "correct it")


class Lookup:
    """The scrapers of one moment by their names. Never changed; a new moment has a new one.

    A scraper of the user's takes the place of one of the same name that comes with Pregão, which is then in `hidden`;
    where both answer to the same module, class or source, the user's is meant.
    Two of the user's with one name are both in `rivals`, and neither is found.
    """

    def __init__(self, entries: Iterable[Entry], problems: Iterable[LoadProblem]) -> None:
        by_name: dict[str, list[Entry]] = {}
        for entry in entries:
            by_name.setdefault(fold(entry.name), []).append(entry)
        self.hidden: list[Entry] = []
        self.rivals: list[list[Entry]] = []
        found: list[Entry] = []
        for same in by_name.values():
            own = [entry for entry in same if not entry.comes_along]
            self.hidden += [entry for entry in same if own and entry.comes_along]
            if len(own or same) > 1:
                self.rivals.append(own or same)
            found += own or same
        self.problems = [*problems, *map(_of_rivals, self.rivals)]
        apart = {id(entry) for same in self.rivals for entry in same}
        self.entries = {entry.name: entry for entry in found if id(entry) not in apart}
        self._spellings: dict[str, Entry] = {}
        # One table for each kind of key, strongest first: folded key → the scrapers that answer to it.
        self._tables: tuple[dict[str, list[Entry]], ...] = ({}, {}, {}, {})
        for entry in found:
            for table, key in zip(self._tables, entry.keys(), strict=True):
                if key:
                    table.setdefault(key, []).append(entry)

    def names(self) -> list[str]:
        """Canonical names, in alphabetical order."""
        return sorted(self.entries, key=str.casefold)

    def find(self, name: str) -> Entry:
        """The scraper behind a loose name. Raises UnknownScraper, AmbiguousScraper or BrokenScraper."""
        known = self._spellings.get(name)
        if known is None:
            known = self._search(name)
            if len(self._spellings) < SPELLINGS_LIMIT:
                self._spellings[name] = known
        return known

    def _search(self, name: str) -> Entry:
        folded = fold(name)
        for table in self._tables:
            found = table.get(folded, [])
            found = [entry for entry in found if not entry.comes_along] or found
            if len(found) > 1 or (found and found[0].name not in self.entries):
                raise self._ambiguous(name, found)
            if found:
                return found[0]
        for problem in self.problems:
            if folded and folded in map(fold, problem.names):
                raise BrokenScraper(name, problem)
        raise UnknownScraper(name, self._suggestions(folded), self.names())

    def _ambiguous(self, name: str, found: list[Entry]) -> AmbiguousScraper:
        apart = [same for same in self.rivals if any(entry in same for entry in found)]
        if not apart:
            return AmbiguousScraper(name, sorted((entry.name for entry in found), key=str.casefold))
        places = [entry.origin for entry in apart[0]]
        return AmbiguousScraper(name, places, f"it stands for {' and for '.join(places)}: give one another name")

    def _suggestions(self, folded: str) -> list[str]:
        by_key = {key: found[0].name for table in reversed(self._tables) for key, found in table.items()}
        close = get_close_matches(folded, by_key, n=3, cutoff=0.6)
        return list(dict.fromkeys(by_key[key] for key in close))


def _of_rivals(same: list[Entry]) -> LoadProblem:
    first, *others = same
    return LoadProblem(
        origin=first.origin,
        error=f"the name {first.name!r} is also that of {', '.join(entry.origin for entry in others)}",
        fix="give one of them another name; none of them runs",
        file=first.file,
        line=first.line,
    )
