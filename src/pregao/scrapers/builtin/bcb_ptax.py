"""PTAX, the reference rates of the dollar and the euro, from BCB's Olinda service: stands in for SGS when SGS fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from pregao.domain.clock import MARKET_ZONE
from pregao.scrapers import json_answers
from pregao.scrapers.json_answers import at, invalid, moment, needed, number, shown, text

OLINDA = "https://olinda.bcb.gov.br"
_BASE = "/olinda/servico/PTAX/versao/v1/odata"
_DAYS = "dataInicial=@dataInicial,dataFinalCotacao=@dataFinalCotacao"
DOLLAR_PATH = f"{_BASE}/CotacaoDolarPeriodo({_DAYS})"
CURRENCY_PATH = f"{_BASE}/CotacaoMoedaPeriodo(moeda=@moeda,{_DAYS})"

_WHAT = "BCB's PTAX answer"
_CLOSING = "fechamento"


@dataclass(frozen=True, slots=True)
class PtaxRate:
    """One closing bulletin, in BRL for one unit (cotacaoCompra, cotacaoVenda, dataHoraCotacao); buy may not be sent."""

    published_at: datetime
    buy: float | None
    sell: float


def period(first: date, last: date, currency: str | None = None) -> dict[str, str]:
    """The query of DOLLAR_PATH, or with a `currency` of CURRENCY_PATH; Olinda wants month, day, year."""
    named = {"@moeda": f"'{currency}'"} if currency else {}
    return {
        **named,
        "@dataInicial": f"'{first:%m-%d-%Y}'",
        "@dataFinalCotacao": f"'{last:%m-%d-%Y}'",
        "$format": "json",
    }


def parse_ptax(body: bytes, *, bulletins: bool = False) -> tuple[PtaxRate, ...]:
    """Read an answer of Olinda, sorted by time; empty for days without a bulletin.

    Other currencies than the dollar have `bulletins`, several a day, told apart by tipoBoletim: the closing counts.
    Raises ScrapeError: BLOCKED or NETWORK for a page or nothing, VALIDATION for what is not the format, also for rows
    of which none is a closing one.
    """
    rows = at(json_answers.load(body, "BCB", _WHAT), "value")
    if not isinstance(rows, list):
        raise invalid(_WHAT, "`value` is missing")
    if bulletins and not all(_has_kind(row) for row in rows):
        raise invalid(_WHAT, "a row lacks `tipoBoletim`")
    closing = [row for row in rows if text(at(row, "tipoBoletim")).lower().startswith(_CLOSING) or not _has_kind(row)]
    if rows and not closing:
        kinds = sorted({shown(at(row, "tipoBoletim")) for row in rows})
        raise invalid(_WHAT, f"no `tipoBoletim` begins with Fechamento, there are {', '.join(kinds)[:200]}")
    return tuple(sorted((_rate(row) for row in closing), key=lambda rate: rate.published_at))


def _has_kind(row: object) -> bool:
    return at(row, "tipoBoletim") is not None


def _rate(row: object) -> PtaxRate:
    if not isinstance(row, dict):
        raise invalid(_WHAT, f"a row is no object: {str(row)[:60]}")
    sell = needed(_WHAT, "cotacaoVenda", row.get("cotacaoVenda"))
    if sell <= 0:
        raise invalid(_WHAT, f"`cotacaoVenda` is {shown(sell)}, not a rate")
    return PtaxRate(
        published_at=moment(_WHAT, "dataHoraCotacao", row.get("dataHoraCotacao"), MARKET_ZONE).astimezone(MARKET_ZONE),
        buy=number(_WHAT, "cotacaoCompra", row.get("cotacaoCompra")),
        sell=sell,
    )
