"""Numbers and dates as Brazilian pages write them."""

from __future__ import annotations

from datetime import date

MISSING = "-"
_SCALES = ((1e9, "Bilhões"), (1e6, "Milhões"), (1e3, "Mil"))


def number(value: float | None, decimals: int = 2) -> str:
    """With points between thousands and a comma.

    >>> number(1234.5), number(-0.166, 3), number(None), number(12_888_732_761, 0)
    ('1.234,50', '-0,166', '-', '12.888.732.761')
    """
    if value is None:
        return MISSING
    return f"{value:,.{decimals}f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def percent(value: float | None, decimals: int = 2) -> str:
    """
    >>> percent(4.7, 1), percent(None)
    ('4,7%', '-')
    """
    return MISSING if value is None else f"{number(value, decimals)}%"


def money(value: float | None, decimals: int = 2) -> str:
    """
    >>> money(30.41), money(None)
    ('R$ 30,41', '-')
    """
    return MISSING if value is None else f"R$ {number(value, decimals)}"


def rounded_money(value: float) -> str:
    """A large amount in words.

    >>> rounded_money(567_386_000_000), rounded_money(12.5)
    ('R$ 567,39 Bilhões', 'R$ 12,50')
    """
    for scale, word in _SCALES:
        if abs(value) >= scale:
            return f"{money(value / scale)} {word}"
    return money(value)


def day(moment: date) -> str:
    """
    >>> day(date(2026, 7, 3))
    '03/07/2026'
    """
    return f"{moment:%d/%m/%Y}"
