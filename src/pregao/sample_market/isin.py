"""ISIN: the codes that tell papers apart, with their check digit (ISO 6166)."""

from __future__ import annotations


def isin_of(stem: str) -> str:
    """The whole code behind its first eleven characters.

    >>> isin_of("BRPETRACNPR"), isin_of("BRVALEACNOR"), isin_of("BRKLBNCDAM1")
    ('BRPETRACNPR6', 'BRVALEACNOR0', 'BRKLBNCDAM18')
    """
    digits = [int(digit) for letter in stem for digit in str(int(letter, 36))]
    doubled = [digit * 2 if n % 2 == 0 else digit for n, digit in enumerate(reversed(digits))]
    return f"{stem}{-sum(digit // 10 + digit % 10 for digit in doubled) % 10}"
