"""Investing.com: a feed of titles, links and dates, and daily prices as its API and its pages have them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import orjson

from pregao.domain.calendar import market_day
from pregao.sample_market import ptbr
from pregao.sample_market.answer import NOT_HERE, Answer, Asked, json_of, page_of
from pregao.sample_market.headlines import Headline, slug_of
from pregao.sample_market.market import Market
from pregao.sample_market.papers import PAPERS, Paper
from pregao.sample_market.sources.feed import element, feed_of

ITEMS = 40
_EVERY = timedelta(minutes=30)
_IN_PAGE = 23
_NUMBER = re.compile(r"/api/financialdata/historical/(\d{1,10})", re.ASCII)
_PAGE = re.compile(r"/equities/([a-z0-9.-]+)-historical-data", re.ASCII)
INSTRUMENTS = {
    "petrobras-pn": (18_750, "PETR4"),
    "vale-on": (18_814, "VALE3"),
    "itauunibanco-pn": (18_672, "ITUB4"),
    "bradesco-pn": (18_607, "BBDC4"),
}
"""Page, number and paper of the instruments that the sample has."""


def answer(market: Market, asked: Asked) -> Answer | None:
    """The feed, or the history of an instrument by its number or page."""
    if asked.path == "/rss/news.rss":
        found = market.headlines.stream("investing", market.now(), ITEMS, _EVERY)
        return feed_of("Notícias - Investing.com Brasil", "", [_item(each) for each in found])
    if number := _NUMBER.fullmatch(asked.path):
        return history(market, int(number[1]), asked)
    if page := _PAGE.fullmatch(asked.path):
        return _history_page(market, page[1])
    return None


def history(market: Market, number: int, asked: Asked) -> Answer:
    """The rows of a window, newest first."""
    ticker = next((ticker for known, ticker in INSTRUMENTS.values() if known == number), None)
    first, last = _date(asked.query.get("start-date")), _date(asked.query.get("end-date"))
    if ticker is None or first is None or last is None:
        return json_of({"data": None}, 404)
    return json_of({"data": _rows(market, PAPERS[ticker], first, last)})


def _history_page(market: Market, page: str) -> Answer:
    if page not in INSTRUMENTS:
        return NOT_HERE
    paper = PAPERS[INSTRUMENTS[page][1]]
    last = market_day(market.now())
    first = last - timedelta(days=31)
    rows = _rows(market, paper, first, last)[:_IN_PAGE]
    store = {
        "dateRange": {"startDate": f"{first}T00:00:00.000Z", "endDate": f"{last}T00:00:00.000Z"},
        "timeFrame": "Daily",
        "historicalData": {"data": rows},
    }
    data = orjson.dumps({"props": {"pageProps": {"state": {"historicalDataStore": store}}}}).decode()
    return page_of(
        f'<!DOCTYPE html><html lang="pt"><head><meta charset="utf-8"><title>{paper.ticker} | SAMPLE DATA</title></head>'
        f"<body><h1>{paper.name} ({paper.ticker})</h1>"
        f'<script id="__NEXT_DATA__" type="application/json">{data}</script></body></html>'
    )


def _rows(market: Market, paper: Paper, first: date, last: date) -> list[dict[str, object]]:
    """Sessions that are over; the running one as far as it came."""
    now = market.now()
    seen = market.delayed(paper)
    days = market.prices.sessions.since(first, min(last, market_day(now)))
    rows: list[dict[str, object]] = []
    for day in reversed(days):
        if day <= seen.day:
            bar = seen if day == seen.day else market.prices.whole(paper, day)
            rows.append(
                {
                    "direction_color": "redFont" if bar.change < 0 else "greenFont",
                    "rowDate": f"{day:%b %d, %Y}",
                    "rowDateRaw": int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()),
                    "rowDateTimestamp": f"{day}T00:00:00Z",
                    "last_close": ptbr.number(bar.close),
                    "last_open": ptbr.number(bar.open),
                    "last_max": ptbr.number(bar.high),
                    "last_min": ptbr.number(bar.low),
                    "volume": f"{ptbr.number(bar.qty / 1e6)}M",
                    "volumeRaw": bar.qty,
                    "change_precent": ptbr.number(bar.change_pct),
                    "last_closeRaw": f"{bar.close:.14f}",
                    "last_openRaw": f"{bar.open:.14f}",
                    "last_maxRaw": f"{bar.high:.14f}",
                    "last_minRaw": f"{bar.low:.14f}",
                    "change_precentRaw": round(bar.change_pct, 4),
                }
            )
    return rows


def _item(each: Headline) -> str:
    """No more than this; the date is UTC, and does not say so."""
    link = f"https://br.investing.com/news/sample/{slug_of(each)}"
    return (
        f"<item>{element('title', each.title)}<pubDate>{each.at:%Y-%m-%d %H:%M:%S}</pubDate>"
        f"<author>Investing.com</author>{element('link', link)}</item>"
    )


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
