"""JSON answers of BCB and B3, with invented values."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from xml.sax.saxutils import escape

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


def ptax_bulletins(*bulletins: tuple[date, float, str]) -> bytes:
    """Bulletins of another currency than the dollar: rate and kind, several a day."""
    rows = [
        {"cotacaoCompra": rate, "cotacaoVenda": rate, "dataHoraCotacao": f"{day} 13:03:11.358", "tipoBoletim": kind}
        for day, rate, kind in bulletins
    ]
    return orjson.dumps({"value": rows})


_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>'
)


def soap(series: int, *values: tuple[str, str], blocked: str | None = None) -> bytes:
    """SGS values by SOAP: dates as it writes them, the value of `blocked` withheld."""
    items = "".join(
        f"<ITEM><DATA>{escape(day)}</DATA><VALOR>{escape(value)}</VALOR>"
        f"<BLOQUEADO>{str(day == blocked).lower()}</BLOQUEADO></ITEM>"
        for day, value in values
    )
    inner = f"<?xml version='1.0' encoding='ISO-8859-1'?>\n<SERIES><SERIE ID='{series}'>{items}</SERIE></SERIES>"
    name = "getValoresSeriesXML"
    body = (
        f'<ns1:{name}Response xmlns:ns1="http://publico.ws.casosdeuso.sgs.pec.bcb.gov.br">'
        f"<{name}Return>{escape(inner)}</{name}Return></ns1:{name}Response>"
    )
    return _ENVELOPE.format(body=body).encode("utf-8", "replace")


def soap_fault(words: str) -> bytes:
    """A refusal by SOAP, which comes with HTTP 500."""
    return _ENVELOPE.format(body=f"<soapenv:Fault><faultstring>{escape(words)}</faultstring></soapenv:Fault>").encode()


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
