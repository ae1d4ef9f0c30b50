"""RSS 2.0 as text: what all feeds have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from pregao.sample_market.answer import RSS, Answer


def rfc822(moment: datetime, zone: str = "GMT") -> str:
    """UTC as feeds write it; `zone` is how they call it."""
    return f"{moment.astimezone(UTC):%a, %d %b %Y %H:%M:%S} {zone}"


def element(name: str, text: str, attributes: str = "") -> str:
    """One element with escaped text."""
    return f"<{name}{attributes}>{escape(text, quote=False)}</{name.partition(' ')[0]}>"


def cdata(name: str, text: str) -> str:
    """One element whose text stands as it is."""
    return f"<{name}><![CDATA[{text}]]></{name}>"


def feed_of(title: str, channel: str, items: Sequence[str], namespaces: str = "") -> Answer:
    """A whole feed; `channel` are the elements between its title and its items."""
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"{namespaces}><channel>'
    whole = f"{head}{element('title', title)}{channel}{''.join(items)}</channel></rss>"
    return Answer(whole.encode(), RSS)


ATOM = ' xmlns:atom="http://www.w3.org/2005/Atom"'
MEDIA = ' xmlns:media="http://search.yahoo.com/mrss/"'
DUBLIN = ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
CONTENT = ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
