"""Bloomberg: the feed of Bloomberg Línea with whole texts, and Bloomberg's own market news in English."""

from __future__ import annotations

from datetime import timedelta

from pregao.sample_market.answer import Answer, Asked
from pregao.sample_market.headlines import Headline, slug_of
from pregao.sample_market.market import Market
from pregao.sample_market.sources.feed import ATOM, CONTENT, DUBLIN, MEDIA, cdata, element, feed_of, rfc822

LINEA = "/arc/outboundfeeds/rss/"
ITEMS, ITEMS_IN_ENGLISH = 100, 30
_EVERY, _EVERY_IN_ENGLISH = timedelta(hours=7), timedelta(minutes=20)
_NAMESPACES = ATOM + CONTENT + DUBLIN + MEDIA


def answer(market: Market, asked: Asked) -> Answer | None:
    """One of the feeds."""
    now = market.now()
    if asked.path in (LINEA, f"{LINEA}category/mercados/"):
        found = market.headlines.stream(f"linea{len(asked.path)}", now, ITEMS, _EVERY)
        channel = f"<description>SAMPLE DATA</description><language>pt</language>{_built(market)}"
        return feed_of("Bloomberg Línea Brasil", channel, [_linea(each) for each in found], _NAMESPACES)
    if asked.path == "/markets/news.rss":
        found = market.headlines.stream("en/bloomberg", now, ITEMS_IN_ENGLISH, _EVERY_IN_ENGLISH)
        channel = f"{cdata('description', 'SAMPLE DATA')}{_built(market)}{cdata('language', 'en')}"
        return feed_of("Bloomberg Markets", channel, [_markets(each) for each in found], _NAMESPACES)
    return None


def _built(market: Market) -> str:
    return element("lastBuildDate", rfc822(market.now()))


def _linea(each: Headline) -> str:
    link = f"https://www.bloomberglinea.com.br/sample/{slug_of(each)}/"
    return (
        f"<item>{cdata('title', each.title)}{element('link', link)}"
        f'<guid isPermaLink="true">{link}</guid>{cdata("dc:creator", each.author)}'
        f"{cdata('description', each.lead)}<pubDate>{rfc822(each.at, '+0000')}</pubDate>"
        f"{cdata('content:encoded', f'<p>{each.words}</p>')}{cdata('category', each.section.title())}</item>"
    )


def _markets(each: Headline) -> str:
    link = f"https://www.bloomberg.com/news/articles/{each.at:%Y-%m-%d}/sample-{slug_of(each)}"
    return (
        f"<item>{cdata('title', each.title)}{cdata('description', 'This is sample data.')}{element('link', link)}"
        f'<guid isPermaLink="true">{link}</guid>{cdata("dc:creator", each.author)}<pubDate>{rfc822(each.at)}</pubDate>'
        f'<media:content url="https://assets.bwbx.io/images/sample.jpg" type="image/jpeg"></media:content>'
        f'<category domain="stock-symbol"><![CDATA[SAMPLE:{each.number}]]></category></item>'
    )
