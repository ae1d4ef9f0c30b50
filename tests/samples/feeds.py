"""Feeds in the shapes that publishers serve, with invented news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape

ATOM = 'xmlns:atom="http://www.w3.org/2005/Atom"'
NOTICE = "Matéria exclusiva para assinantes. Para ter acesso completo, acesse o link da matéria e faça o seu cadastro."
CONSENT_PAGE = (
    b'<!doctype html><html lang="pt-BR"><head><title>Antes de continuar</title></head>'
    b'<body><form action="https://consent.google.com/save"></form></body></html>'
)
SORRY_PAGE = (
    b'<html><head><title>Sorry...</title></head><body><form id="captcha-form"></form>'
    b"Our systems have detected unusual traffic from your computer network.</body></html>"
)


def rfc822(moment: datetime, offset: str = "GMT") -> str:
    """A date as feeds write it; `offset` is printed as it is, and does not move the time."""
    return f"{moment:%a, %d %b %Y %H:%M:%S} {offset}"


def feed(*items: str, title: str = "Sample", namespaces: str = "", extra: str = "") -> bytes:
    """A whole feed around `items`."""
    channel = f"<title>{escape(title)}</title>{extra}{''.join(items)}"
    text = f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" {namespaces}><channel>{channel}</channel></rss>'
    return text.encode()


def item(
    title: str = "Sample SA anuncia dividendos", date: str = "Mon, 05 Oct 2026 12:00:00 GMT", inner: str = ""
) -> str:
    """One item; `inner` is added as it is."""
    slug = "".join(letter for letter in title.lower() if letter.isalnum())[:40]
    return (
        f"<item><title>{escape(title)}</title><link>https://news.example/{slug}</link>"
        f"<pubDate>{date}</pubDate>{inner}</item>"
    )


def google_news(*headlines: tuple[str, str, datetime], query: str = "Sample") -> bytes:
    """Google News' answer for (headline, source, time): the description only repeats the title."""
    return feed(
        *(
            item(
                f"{headline} - {source}",
                rfc822(moment.astimezone(UTC)),
                f"<guid isPermaLink='false'>id{number}</guid><description>"
                + escape(f'<a href="https://x">{headline}</a>&nbsp;&nbsp;<font color="#6f6f6f">{source}</font>')
                + f'</description><source url="https://source{number}.example">{source}</source>',
            )
            for number, (headline, source, moment) in enumerate(headlines)
        ),
        title=f'"{query}" - Google Notícias',
        extra="<generator>NFE/5.0</generator><language>pt-BR</language>",
    )


def valor(*items: str, title: str = "valor") -> bytes:
    """Valor's feed, whose `atom` prefix is declared."""
    return feed(*items, title=title, namespaces=ATOM)


def valor_item(title: str, subtitle: str, description: str, date: str = "Wed, 30 Sep 2026 08:00:00 -0000") -> str:
    """An item of Valor: the lead in `atom:subtitle`, a picture before the text."""
    return item(
        title,
        date,
        f"<atom:subtitle>{escape(subtitle)}</atom:subtitle><description> <![CDATA[ <img src='x.jpg' /><br /> ]]>"
        f"   {escape(description)}  </description>",
    )


def linea(*headlines: tuple[str, str, datetime], title: str = "Bloomberg Línea Brasil") -> bytes:
    """Bloomberg Línea's feed for (headline, body, time): the article is in `content:encoded`."""
    return feed(
        *(
            item(
                headline,
                rfc822(moment.astimezone(UTC), "+0000"),
                f"<dc:creator><![CDATA[Ana Sample]]></dc:creator><description><![CDATA[{body[:60]}]]></description>"
                f"<content:encoded><![CDATA[<p>{body}</p>]]></content:encoded>",
            )
            for headline, body, moment in headlines
        ),
        title=title,
        namespaces='xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"',
        extra="<language>pt</language>",
    )


def many(count: int, last: datetime) -> list[tuple[str, str, datetime]]:
    """So many headlines, a minute apart, the newest at `last`."""
    return [(f"Notícia {number}", "Sample", last - timedelta(minutes=number)) for number in range(count)]
