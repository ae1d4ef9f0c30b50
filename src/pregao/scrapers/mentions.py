"""Whether a piece of news is about what somebody asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from pregao.scrapers.companies import as_ticker, company_of

_ACCENTS = re.compile("[\u0300-\u036f]+")
_PART = re.compile(r'"([^"]+)"|(\S+)')


class Mentions:
    """What to look for in texts: a ticker or any name of its company, else all words of a phrase.

    Whole words count, case and accents do not. Words in quotation marks must stand in a row. Names that are everyday
    words too (Vale, Rumo) count as they are written only; such a word at the beginning of a sentence still misleads.
    """

    def __init__(self, argument: str) -> None:
        ticker = as_ticker(argument)
        if ticker is None:
            self.looked_for = tuple(quoted or word for quoted, word in _PART.findall(argument))
            self._all = [_pattern([part], folded=True) for part in self.looked_for]
            self._written: re.Pattern[str] | None = None
        else:
            company = company_of(ticker)
            self.looked_for = (ticker, *company.names, *company.ordinary)
            self._all = [_pattern([ticker, *company.names], folded=True)]
            self._written = _pattern(company.ordinary, folded=False) if company.ordinary else None

    def found_in(self, text: str) -> bool:
        """Whether `text` mentions it."""
        if self._written is not None and self._written.search(text):
            return True
        plain = _folded(text)
        return all(pattern.search(plain) for pattern in self._all)


def _pattern(words: Iterable[str], *, folded: bool) -> re.Pattern[str]:
    either = "|".join(re.escape(_folded(word) if folded else word) for word in words)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)")


def _folded(text: str) -> str:
    return " ".join(_ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold().split())
