"""BCB: SGS as JSON, SGS by SOAP, and the PTAX bulletins of Olinda."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from xml.sax.saxutils import escape

from pregao.domain.calendar import market_day
from pregao.domain.clock import MARKET_ZONE
from pregao.sample_market import ptbr
from pregao.sample_market.answer import Answer, Asked, json_of, page_of
from pregao.sample_market.market import Market
from pregao.sample_market.rates import Bulletin, Currency, Rate, Rates

LONGEST_WINDOW = timedelta(days=3653)
MOST_LATEST = 20
OLINDA = "/olinda/servico/PTAX/versao/v1/odata/"
SOAP = "/wssgs/services/FachadaWSSGS"

_SGS = re.compile(r"/dados/serie/bcdata\.sgs\.(\d{1,6})/dados(?:/ultimos/(\d{1,4}))?", re.ASCII)
_US_DATE = re.compile(r"'(\d{2})-(\d{2})-(\d{4})'", re.ASCII)
_ASKED_SERIES = re.compile(rb"<item[^>]*>(\d{1,6})</item>")
_ASKED_DATES = re.compile(rb">(\d{2}/\d{2}/\d{4})<")
_PAGE = "<!DOCTYPE html><html><head><title>Banco Central do Brasil</title></head><body>SAMPLE DATA</body></html>"

_Window = Callable[[Rates, date, date, datetime], list[Rate]]


def _ptax(currency: Currency) -> _Window:
    def window(rates: Rates, first: date, last: date, now: datetime) -> list[Rate]:
        found = rates.closing(currency, first, last, now)
        return [Rate(bulletin.at.astimezone(MARKET_ZONE).date(), bulletin.sell) for bulletin in found]

    return window


_SERIES: dict[int, tuple[_Window, int, bool]] = {
    432: (Rates.selic, 2, True),
    11: (Rates.selic_daily, 6, True),
    12: (Rates.cdi, 6, True),
    433: (Rates.ipca, 2, False),
    189: (Rates.igpm, 2, False),
    1: (_ptax("USD"), 4, True),
    21619: (_ptax("EUR"), 4, True),
}
"""By number: the values, their decimals, and whether the series is daily."""


def answer(market: Market, asked: Asked) -> Answer | None:
    """A series, a bulletin, or an envelope."""
    if found := _SGS.fullmatch(asked.path):
        return series(market, int(found[1]), int(found[2]) if found[2] else None, asked)
    if asked.path.startswith(OLINDA):
        return bulletins(market, asked)
    if asked.path == SOAP and asked.method == "POST":
        return envelope(market, asked.body)
    return None


def series(market: Market, number: int, latest: int | None, asked: Asked) -> Answer:
    """The values of a window, or the latest ones, which for the Selic target lie in the future."""
    if number not in _SERIES:
        return page_of(_PAGE)
    window, decimals, daily = _SERIES[number]
    first, last = _date(asked.query.get("dataInicial")), _date(asked.query.get("dataFinal"))
    today = market_day(market.now())
    end = last or today + timedelta(days=400)
    if latest is not None:
        first = today - timedelta(days=800)
        if latest > MOST_LATEST:
            return json_of({"error": f"br.gov.bcb.pec.sgs: no máximo {MOST_LATEST} valores"}, 400)
    elif daily and (first is None or min(end, today) - first > LONGEST_WINDOW):
        return json_of(
            {
                "error": "O sistema aceita uma janela de consulta de, no máximo, 10 anos em séries diárias",
                "message": "Para acessar uma série de periodicidade diária, é necessário informar a dataInicial",
            },
            406,
        )
    values = window(market.rates, first or date(2024, 1, 1), end, market.now())
    rows = [{"data": ptbr.day(rate.day), "valor": f"{rate.value:.{decimals}f}"} for rate in values]
    rows = rows if latest is None else rows[-latest:]
    if not rows:
        detail = "br.gov.bcb.pec.sgs.comum.excecoes.SGSNegocioException: Value(s) not found"
        return json_of({"erro": {"statusCode": 404, "detail": detail}}, 404)
    return json_of(rows)


def bulletins(market: Market, asked: Asked) -> Answer | None:
    """PTAX: of one day or a period, in dollars or in another currency, whose bulletins are told apart by their kind."""
    call = asked.path.removeprefix(OLINDA).partition("(")[0]
    is_dollar = call.startswith("CotacaoDolar")
    first = _us_date(asked.query.get("@dataInicial") or asked.query.get("@dataCotacao"))
    last = _us_date(asked.query.get("@dataFinalCotacao") or asked.query.get("@dataCotacao"))
    currency = "USD" if is_dollar else asked.query.get("@moeda", "").strip("'")
    if not call.startswith("Cotacao") or first is None or last is None:
        return None
    context = f"https://was-p.bcnet.bcb.gov.br/olinda/servico/PTAX/versao/v1/odata$metadata#_{call}"
    if currency not in ("USD", "EUR"):
        return json_of({"@odata.context": context, "value": []})
    known: Currency = "USD" if currency == "USD" else "EUR"
    found = market.rates.closing(known, first, last, market.now())
    rows = [row for bulletin in found for row in (_dollar if is_dollar else _kinds)(bulletin)]
    return json_of({"@odata.context": context, "value": rows})


def envelope(market: Market, body: bytes) -> Answer:
    """SGS by SOAP: the values as XML inside of XML, and a fault with HTTP 500 for a window without any."""
    asked, dates = _ASKED_SERIES.search(body), [_date(text.decode()) for text in _ASKED_DATES.findall(body)]
    number = int(asked[1]) if asked else 0
    first, last = (dates[0], dates[1]) if len(dates) == 2 else (None, None)
    if number not in _SERIES or first is None or last is None:
        return _soap("<soapenv:Fault><faultstring>Series not found</faultstring></soapenv:Fault>", 500)
    window, decimals, daily = _SERIES[number]
    values = window(market.rates, first, last, market.now())
    if not values:
        return _soap("<soapenv:Fault><faultstring>Value(s) not found</faultstring></soapenv:Fault>", 500)
    items = "".join(
        f"<ITEM><DATA>{_soap_date(rate.day, daily=daily)}</DATA><VALOR>{rate.value:.{decimals}f}</VALOR>"
        "<BLOQUEADO>false</BLOQUEADO></ITEM>"
        for rate in values
    )
    inner = f"<?xml version='1.0' encoding='ISO-8859-1'?>\n<SERIES>\n<SERIE ID='{number}'>{items}</SERIE>\n</SERIES>"
    name = "getValoresSeriesXML"
    return _soap(
        f'<ns1:{name}Response xmlns:ns1="http://publico.ws.casosdeuso.sgs.pec.bcb.gov.br">'
        f"<{name}Return>{escape(inner)}</{name}Return></ns1:{name}Response>"
    )


def _soap(body: str, status: int = 200) -> Answer:
    whole = (
        '<?xml version="1.0" encoding="utf-8"?><soapenv:Envelope '
        f'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>{body}</soapenv:Body>'
        "</soapenv:Envelope>"
    )
    return Answer(whole.encode(), "text/xml; charset=utf-8", status)


def _dollar(bulletin: Bulletin) -> list[dict[str, object]]:
    return [{"cotacaoCompra": bulletin.buy, "cotacaoVenda": bulletin.sell, "dataHoraCotacao": _stamp(bulletin.at)}]


def _kinds(bulletin: Bulletin) -> list[dict[str, object]]:
    """An opening bulletin of three hours before, and the closing one."""
    opening = Bulletin(
        bulletin.at - timedelta(hours=3),
        round(bulletin.buy * 1.001, 4),
        round(bulletin.sell * 1.001, 4),
        bulletin.parity,
    )
    return [
        {
            "paridadeCompra": each.parity,
            "paridadeVenda": round(each.parity + 0.0002, 4),
            **_dollar(each)[0],
            "tipoBoletim": kind,
        }
        for each, kind in ((opening, "Abertura"), (bulletin, "Fechamento"))
    ]


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(MARKET_ZONE):%Y-%m-%d %H:%M:%S.%f}"


def _soap_date(day: date, *, daily: bool) -> str:
    return f"{day.day}/{day.month}/{day.year}" if daily else f"{day.month}/{day.year}"


def _date(text: str | None) -> date | None:
    try:
        return datetime.strptime(text or "", "%d/%m/%Y").date()  # noqa: DTZ007 - a date alone
    except ValueError:
        return None


def _us_date(text: str | None) -> date | None:
    found = _US_DATE.fullmatch(text or "")
    try:
        return date(int(found[3]), int(found[1]), int(found[2])) if found else None
    except ValueError:
        return None
