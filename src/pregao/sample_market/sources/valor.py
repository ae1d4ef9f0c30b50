"""Valor Econômico: a hundred items, the lead in atom:subtitle, and a notice where a text is for subscribers."""

from __future__ import annotations

from datetime import timedelta

from pregao.sample_market.answer import Answer, Asked
from pregao.sample_market.headlines import SECTIONS, Headline, slug_of
from pregao.sample_market.market import Market
from pregao.sample_market.sources.feed import ATOM, MEDIA, element, feed_of, rfc822

ITEMS = 100
_EVERY = timedelta(minutes=6)
_NOTICE = "Matéria exclusiva para assinantes. Para ter acesso completo, acesse o link da matéria e faça o seu cadastro."


def answer(market: Market, asked: Asked) -> Answer | None:
    """The main feed, or that of a section."""
    steps = [step for step in asked.path.split("/") if step]
    if steps[:2] != ["rss", "valor"] or len(steps) > 3:
        return None
    section = steps[2] if len(steps) == 3 else None
    if section is not None and section not in SECTIONS:
        return None
    found = market.headlines.stream("valor", market.now(), ITEMS * 4 if section else ITEMS, _EVERY)
    shown = [each for each in found if section in (None, each.section)][:ITEMS]
    title = f"valor > {section.title()}" if section else "valor"
    return feed_of(title, "<description>SAMPLE DATA</description>", [_item(each) for each in shown], ATOM + MEDIA)


def _item(each: Headline) -> str:
    link = f"https://valor.globo.com/{each.section}/sample/{each.at:%Y/%m/%d}/{slug_of(each)}.ghtml"
    picture = f'<img src="https://s2-valor.glbimg.com/sample/{each.number}.jpg" /><br />'
    text = _NOTICE if each.paywalled else each.words
    return (
        f"<item> {element('title', each.title)}\n {element('atom:subtitle', each.lead)}\n {element('link', link)}\n"
        f' <guid isPermaLink="true">{link}</guid>'
        f"<description> <![CDATA[ {picture} ]]>   {text}  </description>\n"
        f" <pubDate>{rfc822(each.at, '-0000')}</pubDate></item>"
    )
