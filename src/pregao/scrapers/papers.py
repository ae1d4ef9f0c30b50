"""Papers on B3: what their tickers look like, and which kinds a ticker may be of."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass

T = TypeVar("T")


class PaperKind(StrEnum):
    """Kinds that sites keep apart: their pages have other addresses and other labels."""

    SHARE = "share"
    FUND = "fund"
    AGRO_FUND = "agro_fund"
    ETF = "etf"
    BDR = "bdr"

    @property
    def with_article(self) -> str:
        """The kind in a sentence: "a share", "an ETF"."""
        return _IN_WORDS[self]


_IN_WORDS = {
    PaperKind.SHARE: "a share",
    PaperKind.FUND: "a fund",
    PaperKind.AGRO_FUND: "an agricultural fund",
    PaperKind.ETF: "an ETF",
    PaperKind.BDR: "a BDR",
}

_TICKER = re.compile(r"[A-Z][A-Z0-9]{3}([0-9]{1,2})B?", re.ASCII)
_FUND_RIGHTS = frozenset(range(12, 18))
_BDRS = frozenset((*range(31, 36), 39))
_UNIT_OR_FUND = 11

# Which of the papers that end in 11 are units of shares: only a hint, so that the right page is asked for first.
_UNITS = frozenset(
    f"{root}11"
    for root in ("ALUP", "AZEV", "BPAC", "BRBI", "ENGI", "IGTI", "KLBN", "PPLA", "RNEW", "SANB", "SAPR", "TAEE")
)


def ticker_of(argument: str | None, source: str) -> str:
    """The ticker that a user means, in capitals.

    Raises ScrapeError: PERMANENT without an argument, NOT_FOUND for what is no ticker of a share, fund, ETF or BDR.
    """
    ticker = (argument or "").strip().upper()
    if not ticker:
        raise ScrapeError(f"{source} needs a ticker, for example PETR4", FailureClass.PERMANENT)
    if not _TICKER.fullmatch(ticker):
        raise ScrapeError(f"{ticker[:80]!r} is not a ticker; they look like PETR4 or HGLG11", FailureClass.NOT_FOUND)
    return ticker


def kinds_of(ticker: str) -> tuple[PaperKind, ...]:
    """The kinds that a ticker may be of, the likeliest first; at most four.

    >>> kinds_of("PETR4"), kinds_of("AAPL34")
    ((<PaperKind.SHARE: 'share'>,), (<PaperKind.BDR: 'bdr'>,))
    >>> [kind.value for kind in kinds_of("HGLG11")], [kind.value for kind in kinds_of("TAEE11")]
    (['fund', 'share', 'etf', 'agro_fund'], ['share', 'fund', 'etf', 'agro_fund'])
    """
    match = _TICKER.fullmatch(ticker)
    suffix = int(match[1]) if match else 0
    if suffix in _BDRS:
        return (PaperKind.BDR,)
    if suffix in _FUND_RIGHTS:
        return (PaperKind.FUND,)
    if suffix != _UNIT_OR_FUND:
        return (PaperKind.SHARE,)
    if ticker in _UNITS:
        return (PaperKind.SHARE, PaperKind.FUND, PaperKind.ETF, PaperKind.AGRO_FUND)
    return (PaperKind.FUND, PaperKind.SHARE, PaperKind.ETF, PaperKind.AGRO_FUND)


async def first_found(kinds: Sequence[PaperKind], ask: Callable[[PaperKind], Awaitable[T]]) -> T:
    """The answer of the first kind that knows the paper: "not found" is a hint to try the next one.

    Raises ScrapeError: any other failure at once, NOT_FOUND with the words of each kind when none knows it.
    """
    refusals: list[str] = []
    for kind in kinds:
        try:
            return await ask(kind)
        except ScrapeError as error:
            if error.failure_class is not FailureClass.NOT_FOUND:
                raise
            refusals.append(str(error))
    raise ScrapeError("; ".join(refusals), FailureClass.NOT_FOUND)
