"""opcoes.net.br: the grid as its own page fetches it: a list of expiries, and eighteen fields for each series."""

from __future__ import annotations

from datetime import date

from pregao.domain.calendar import market_day
from pregao.sample_market import ptbr
from pregao.sample_market.answer import Answer, Asked, json_of
from pregao.sample_market.market import Market
from pregao.sample_market.options import Series, chain, expiries
from pregao.sample_market.papers import WITH_OPTIONS, Paper
from pregao.sample_market.prices import Bar

BLURRED = '<img src="/images/volblur.png">'
TITLES = (
    *("Ticker", "F.M.", "Tipo", "Mod.", "A/I/OTM", "Strike", "Dist. Strike", "Prêmio %", "Último", "Negócios"),
    *("Vol. Financeiro", "Data/Hora", "Vol. Impl.", "Delta", "Gamma", "Theta", "Vega", "IdAcao"),
)


def answer(market: Market, asked: Asked) -> Answer | None:
    """The grid of one paper; nothing for one without options."""
    if asked.path != "/listaopcoes/completa":
        return None
    paper = market.paper(asked.query.get("idAcao", ""))
    if paper is None or paper.ticker not in WITH_OPTIONS:
        return json_of({"success": True, "data": {"vencimentos": [], "cotacoesOpcoes": []}})
    bar = market.delayed(paper)
    listed = [_expiry(day, market_day(market.now())) for day in expiries(bar.day)]
    wanted = asked.query.get("vencimentos")
    series = [each for each in _chain(market, paper, bar) if f"{each.expiry}" == wanted]
    data = {
        "columns": [{"title": title} for title in TITLES],
        "vencimentos": listed if asked.query.get("listarVencimentos") == "true" else [],
        "cotacoesOpcoes": [_row(each, bar) for each in series],
    }
    return json_of({"success": True, "data": data})


def _chain(market: Market, paper: Paper, bar: Bar) -> list[Series]:
    return chain(market.draws, paper, bar.day, bar.previous, bar.close, bar.open)


def _expiry(day: date, today: date) -> dict[str, object]:
    attributes = {"du": str((day - today).days * 5 // 7), "m": "1", "w": "0"}
    return {"value": f"{day}", "text": ptbr.day(day), "selected": False, "dataAttributes": attributes}


def _row(series: Series, bar: Bar) -> list[object]:
    distance = series.strike / bar.close - 1
    inside = distance < 0 if series.kind == "CALL" else distance > 0
    place = "ATM" if abs(distance) < 0.01 else "ITM" if inside else "OTM"
    return [
        f"{series.ticker}_{series.expiry.year}",
        "✓",
        series.kind,
        "E" if series.is_european else "A",
        place,
        series.strike,
        round(distance, 6),
        round(series.value / bar.close * 100, 2),
        series.value,
        series.trades,
        round(series.value * series.qty, 2),
        ptbr.day(bar.day),
        *[BLURRED] * 5,
        series.paper.ticker,
    ]
