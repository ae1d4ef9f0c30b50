"""JSON answers of BCB and B3, with invented values."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import orjson


def sgs(*values: tuple[date, str]) -> bytes:
    """A list of SGS values."""
    return orjson.dumps([{"data": f"{day:%d/%m/%Y}", "valor": value} for day, value in values])


def sgs_days(last: date, *values: str) -> bytes:
    """SGS values of consecutive days up to `last`."""
    first = last - timedelta(days=len(values) - 1)
    return sgs(*((first + timedelta(days=n), value) for n, value in enumerate(values)))


def sgs_months(year: int, month: int, *values: str) -> bytes:
    """SGS values of consecutive months from the given one."""
    months = [divmod(year * 12 + month - 1 + n, 12) for n in range(len(values))]
    return sgs(*((date(y, m + 1, 1), value) for (y, m), value in zip(months, values, strict=True)))


def ptax(*rates: tuple[date, float]) -> bytes:
    """Closing bulletins of PTAX."""
    rows = [
        {"cotacaoCompra": rate, "cotacaoVenda": rate, "dataHoraCotacao": f"{day} 13:03:11.35885"} for day, rate in rates
    ]
    return orjson.dumps({"@odata.context": "sample", "value": rows})


SGS_NO_VALUES = b'{"erro":{"statusCode":404,"detail":"SGSNegocioException: Value(s) not found"}}'
SGS_REFUSES_WINDOW = '{"error":"O sistema aceita uma janela de no máximo 10 anos"}'.encode()
PAGE = b"<!DOCTYPE html><html><head><title>Banco Central</title></head><body>indisponivel</body></html>"
CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"


def quote(ticker: str, answered: datetime, *, price: float = 30.1) -> bytes:
    """A delayed quotation; `answered` is local time."""
    prices = {"opngPric": 30, "minPric": 29.5, "maxPric": 30.5, "avrgPric": 30.02, "curPrc": price, "prcFlcn": -0.69}
    security = {"SctyQtn": prices, "mkt": {"nm": "Vista"}, "symb": ticker, "desc": "SAMPLE CO PN      N2"}
    return orjson.dumps(
        {
            "BizSts": {"cd": "OK"},
            "Msg": {"dtTm": f"{answered:%Y-%m-%d %H:%M:%S}"},
            "Trad": [{"scty": security, "ttlQty": 4890}],
        }
    )


NO_QUOTE = b'{"BizSts":{"cd":"NOK","desc":"Quotation not available."},"Msg":{"dtTm":"2026-10-05 12:00:00"}}'
