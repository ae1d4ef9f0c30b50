"""Words: loose names of scrapers (`GoogleNews` is "Google News", `INVESTIDOR10` is "Investidor10"), and counts."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(4096)
def fold(name: str) -> str:
    """Lower case without accents, punctuation and spaces.

    >>> fold("Valor Econômico"), fold("Investing.com"), fold("INVESTIDOR10")
    ('valoreconomico', 'investingcom', 'investidor10')
    """
    plain = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in plain.lower() if letter.isalnum() and not unicodedata.combining(letter))


def counted(number: int, noun: str) -> str:
    """How many of something, for a noun whose plural has an s.

    >>> counted(1, "error"), counted(0, "job"), counted(2000, "job")
    ('1 error', '0 jobs', '2,000 jobs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
