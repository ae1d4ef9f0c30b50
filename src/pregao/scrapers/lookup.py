"""Finding a scraper by a loose name, and saying what is wrong with a name that finds none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TypeAlias

from pregao.domain.errors import InvalidInput
from pregao.domain.names import fold
from pregao.scrapers.discovery import LoadProblem
from pregao.scrapers.entry import Entry

SPELLINGS_LIMIT = 10_000
"""Every job asks for its scraper by some spelling: these many are remembered, and never folded again."""
_NAME, _SOURCE = 0, 3
"""Places among an entry's keys: its name is the first, its source the last."""
_Table: TypeAlias = dict[str, list[Entry]]


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

    What a name means is looked for among the user's own by name, module and class, then among theirs that do not load,
    then among those that come with Pregão, at last by source. One that comes along and whose name finds one of the
    user's cannot be asked for, and is in `hidden`. Two of the user's with one name are both in `rivals`, and neither
    is found.
    """

    def __init__(self, entries: Iterable[Entry], problems: Iterable[LoadProblem]) -> None:
        entries = list(entries)
        own = [entry for entry in entries if not entry.comes_along]
        taken = {key for entry in own for key in entry.keys()[:_SOURCE] if key}
        theirs = [entry for entry in entries if entry.comes_along]
        self.hidden = [entry for entry in theirs if fold(entry.name) in taken]
        found = [*own, *(entry for entry in theirs if fold(entry.name) not in taken)]
        self.rivals = [same for same in _table(found, _NAME).values() if len(same) > 1]
        self.problems = [*problems, *map(_of_rivals, self.rivals)]
        apart = {id(entry) for same in self.rivals for entry in same}
        self.entries = {entry.name: entry for entry in found if id(entry) not in apart}
        self._spellings: dict[str, Entry] = {}
        # Folded key → the scrapers that answer to it, one table for each kind of key, in the order of the search.
        left = found[len(own) :]
        self._own = [_table(own, kind) for kind in range(_SOURCE)]
        self._others = [*(_table(left, kind) for kind in range(_SOURCE)), _table(own, _SOURCE), _table(left, _SOURCE)]

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
        found = self._first(name, self._own)
        if found is not None:
            return found
        for problem in self.problems:
            if folded and folded in map(fold, problem.names):
                raise BrokenScraper(name, problem)
        found = self._first(name, self._others)
        if found is None:
            raise UnknownScraper(name, self._suggestions(folded), self.names())
        return found

    def _first(self, name: str, tables: Sequence[_Table]) -> Entry | None:
        """The scraper in the first table that has the name. Raises AmbiguousScraper."""
        folded = fold(name)
        found = next((table[folded] for table in tables if folded in table), [])
        if len(found) > 1 or (found and found[0].name not in self.entries):
            raise self._ambiguous(name, found)
        return found[0] if found else None

    def _ambiguous(self, name: str, found: list[Entry]) -> AmbiguousScraper:
        apart = [same for same in self.rivals if any(entry in same for entry in found)]
        if not apart:
            return AmbiguousScraper(name, sorted((entry.name for entry in found), key=str.casefold))
        places = [entry.origin for entry in apart[0]]
        return AmbiguousScraper(name, places, f"it stands for {' and for '.join(places)}: give one another name")

    def _suggestions(self, folded: str) -> list[str]:
        tables = [*self._own, *self._others]
        by_key = {key: found[0].name for table in reversed(tables) for key, found in table.items()}
        close = get_close_matches(folded, by_key, n=3, cutoff=0.6)
        return list(dict.fromkeys(by_key[key] for key in close))


def _table(entries: Iterable[Entry], kind: int) -> _Table:
    table: _Table = {}
    for entry in entries:
        if key := entry.keys()[kind]:
            table.setdefault(key, []).append(entry)
    return table


def _of_rivals(same: list[Entry]) -> LoadProblem:
    first, *others = same
    return LoadProblem(
        origin=first.origin,
        error=f"the name {first.name!r} is also that of {', '.join(entry.origin for entry in others)}",
        fix="give one of them another name; none of them runs",
        file=first.file,
        line=first.line,
    )
