"""Loose names of scrapers: `GoogleNews` is "Google News", `INVESTIDOR10` is "Investidor10"."""

from __future__ import annotations

import unicodedata


def fold(name: str) -> str:
    """Lower case without accents, punctuation and spaces.

    >>> fold("Valor Econômico"), fold("Investing.com"), fold("INVESTIDOR10")
    ('valoreconomico', 'investingcom', 'investidor10')
    """
    plain = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in plain.lower() if letter.isalnum() and not unicodedata.combining(letter))
