"""Google News: what a search finds, in no order of time, with the publisher behind each title."""

from __future__ import annotations

import re
from datetime import timedelta
from html import escape

from pregao.sample_market.answer import Answer, Asked
from pregao.sample_market.headlines import Headline
from pregao.sample_market.market import Market
from pregao.sample_market.papers import PAPERS, Paper
from pregao.sample_market.sources.feed import MEDIA, element, feed_of, rfc822

ITEMS = 40
_EVERY = timedelta(hours=2)
_ALTERNATIVES = re.compile(r'"([^"]+)"|\bOR\b|(\S+)')


def answer(market: Market, asked: Asked) -> Answer | None:
    """The results of a search, or the headlines of the business section."""
    now = market.now()
    if asked.path == "/rss/headlines/section/topic/BUSINESS":
        return _feed(market, "Negócios - Google Notícias", market.headlines.stream("google", now, ITEMS, _EVERY))
    if asked.path != "/rss/search":
        return None
    query = asked.query.get("q", "").strip()
    paper = _company(query)
    if paper is not None:
        found = market.headlines.about(paper, now, ITEMS, _EVERY)
    else:
        found = market.headlines.on(query, now, ITEMS, _EVERY) if query else []
    return _feed(market, f'"{query}" - Google Notícias', found)


def _company(query: str) -> Paper | None:
    """The company that one of the words or quoted phrases of a query names."""
    words = {(quoted or word).casefold() for quoted, word in _ALTERNATIVES.findall(query)}
    by_ticker = (paper for paper in PAPERS.values() if paper.ticker.casefold() in words)
    by_name = (paper for paper in PAPERS.values() if paper.called.casefold() in words)
    return next(by_ticker, None) or next(by_name, None)


def _feed(market: Market, title: str, found: list[Headline]) -> Answer:
    # By relevance, whatever that is: never by time.
    shuffled = sorted(found, key=lambda each: each.number[::-1])
    channel = (
        "<generator>NFE/5.0</generator>"
        f"{element('link', 'https://news.google.com/search?hl=pt-BR&gl=BR&ceid=BR:pt-419')}"
        "<language>pt-BR</language><webMaster>news-webmaster@google.com</webMaster>"
        f"<lastBuildDate>{rfc822(market.now())}</lastBuildDate><description>Google Notícias: SAMPLE DATA</description>"
    )
    return feed_of(title, channel, [_item(each) for each in shuffled], MEDIA)


def _item(each: Headline) -> str:
    link = f"https://news.google.com/rss/articles/SAMPLE{each.number}?oc=5"
    anchor = (
        f'<a href="{link}" target="_blank">{escape(each.title)}</a>&nbsp;&nbsp;'
        f'<font color="#6f6f6f">{escape(each.publisher)}</font>'
    )
    publisher = f' url="{each.publisher_url}"'
    return (
        f"<item>{element('title', f'{each.title} - {each.publisher}')}{element('link', link)}"
        f'<guid isPermaLink="false">SAMPLE{each.number}</guid><pubDate>{rfc822(each.at)}</pubDate>'
        f"{element('description', anchor)}"
        f"{element('source', each.publisher, publisher)}</item>"
    )
