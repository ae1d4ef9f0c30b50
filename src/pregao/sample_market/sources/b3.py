"""B3: delayed quotes, end-of-day files and company records, and Yahoo's charts, which stand in for the quotes."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from pregao.domain.calendar import session
from pregao.domain.clock import MARKET_ZONE
from pregao.sample_market.answer import NOT_HERE, Answer, Asked, json_of
from pregao.sample_market.market import Market
from pregao.sample_market.papers import Paper
from pregao.sample_market.sources import b3_companies, b3_cotahist, b3_yahoo

PUBLISHED_AFTER = timedelta(minutes=90)
"""How long after the close the file of a session is out."""

_QUOTE = re.compile(r"/mds/api/v1/instrumentQuotation/([A-Z0-9]{1,12})", re.ASCII)
_FILE = re.compile(r"/InstDados/SerHist/COTAHIST_D(\d{8})\.ZIP", re.ASCII)


def answer(market: Market, asked: Asked) -> Answer | None:
    """A quotation, a file, a company or a chart."""
    if found := _QUOTE.fullmatch(asked.path):
        return quotation(market, found[1])
    if found := _FILE.fullmatch(asked.path):
        return file_of(market, found[1])
    return b3_companies.answer(market, asked) or b3_yahoo.answer(market, asked)


def quotation(market: Market, ticker: str) -> Answer:
    """The delayed quote of one paper, or NOK with HTTP 200. The time in it is that of the answer, not of the price."""
    answered = f"{market.now().astimezone(MARKET_ZONE):%Y-%m-%d %H:%M:%S}"
    paper = market.paper(ticker)
    if paper is None:
        refusal = {"cd": "NOK", "desc": "Quotation not available."}
        return json_of({"BizSts": refusal, "Msg": {"dtTm": answered}})
    return json_of({"BizSts": {"cd": "OK"}, "Msg": {"dtTm": answered}, "Trad": [_trade(market, paper)]})


def file_of(market: Market, day_month_year: str) -> Answer:
    """The end-of-day file of a session once it is published, else 404."""
    try:
        day = datetime.strptime(day_month_year, "%d%m%Y").date()  # noqa: DTZ007 - a date alone
    except ValueError:
        return NOT_HERE
    found = session(day)
    if found is None or found.closes_at + PUBLISHED_AFTER > market.now():
        return NOT_HERE
    return Answer(b3_cotahist.archive(market, day), "application/x-zip-compressed")


def _trade(market: Market, paper: Paper) -> dict[str, object]:
    bar = market.delayed(paper)
    prices = {
        "opngPric": bar.open,
        "minPric": bar.low,
        "maxPric": bar.high,
        "avrgPric": bar.average,
        "curPrc": bar.close,
        "prcFlcn": round(bar.change_pct, 7),
    }
    security = {
        "SctyQtn": prices,
        "mkt": {"nm": "Vista"},
        "symb": paper.ticker,
        "desc": f"{paper.short:<12}{paper.spec}",
        "indxCmpnInd": True,
    }
    return {"scty": security, "ttlQty": bar.trades}
