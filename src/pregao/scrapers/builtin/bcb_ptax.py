"""PTAX, the reference rate of the dollar, from BCB's Olinda service: stands in for SGS series 1 when SGS fails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime

import orjson

from pregao.domain.clock import MARKET_ZONE
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.failures import is_html

OLINDA = "https://olinda.bcb.gov.br"
PATH = (
    "/olinda/servico/PTAX/versao/v1/odata"
    "/CotacaoDolarPeriodo(dataInicial=@dataInicial,dataFinalCotacao=@dataFinalCotacao)"
)


@dataclass(frozen=True, slots=True)
class PtaxRate:
    """One closing bulletin, in BRL per dollar (cotacaoCompra, cotacaoVenda, dataHoraCotacao); buy may not be sent."""

    published_at: datetime
    buy: float | None
    sell: float


def period(first: date, last: date) -> dict[str, str]:
    """The query of PATH for the days `first` to `last`; Olinda wants month, day, year."""
    return {
        "@dataInicial": f"'{first:%m-%d-%Y}'",
        "@dataFinalCotacao": f"'{last:%m-%d-%Y}'",
        "$format": "json",
    }


def parse_ptax(body: bytes) -> tuple[PtaxRate, ...]:
    """Read an answer of Olinda, sorted by time; empty for days without a bulletin.

    Raises ScrapeError: BLOCKED for a page, VALIDATION for what is not the format.
    """
    if is_html(body):
        raise ScrapeError("BCB answered with a page in place of PTAX rates", FailureClass.BLOCKED)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ScrapeError(f"BCB's PTAX answer is not JSON: {error}", FailureClass.VALIDATION) from error
    rows = document.get("value") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise ScrapeError("BCB's PTAX answer lacks `value`", FailureClass.VALIDATION)
    return tuple(sorted((_rate(row) for row in rows), key=lambda rate: rate.published_at))


def _rate(row: object) -> PtaxRate:
    if not isinstance(row, dict):
        raise ScrapeError("BCB sent a PTAX row that is no object", FailureClass.VALIDATION)
    sell = _number(row, "cotacaoVenda")
    if sell is None:
        raise ScrapeError("BCB sent a PTAX row without cotacaoVenda", FailureClass.VALIDATION)
    try:
        moment = datetime.fromisoformat(row["dataHoraCotacao"]).replace(tzinfo=MARKET_ZONE)
    except (KeyError, TypeError, ValueError) as error:
        raise ScrapeError(f"BCB sent a PTAX row without a time: {error}", FailureClass.VALIDATION) from error
    return PtaxRate(moment, _number(row, "cotacaoCompra"), sell)


def _number(row: dict[str, object], field: str) -> float | None:
    value = row.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScrapeError(f"BCB sent {str(value)[:40]!r} as {field}, not a number", FailureClass.VALIDATION)
    return float(value)
