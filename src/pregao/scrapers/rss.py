"""RSS 2.0 as publishers really serve it: bytes in, typed items out."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from html import unescape

from lxml import etree

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.block_pages import refuse_block_page
from pregao.scrapers.failures import is_html
from pregao.scrapers.feed_text import plain_text, xml_text

MAX_ITEMS = 1_000

_PREFIXES = {
    "http://www.w3.org/2005/Atom": "atom",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://search.yahoo.com/mrss/": "media",
}
_FEED_BEGINS = re.compile(rb"<rss[\s>]", re.IGNORECASE)
_FEED_ENDS = re.compile(r"</rss\s*>", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"]{1,4000}", re.IGNORECASE)
_EARLIEST_YEAR, _LATEST_YEAR = 1990, 2200


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One item, as text without markup; None where the feed has nothing.

    Source fields: title, link (or a guid that is an address), pubDate (or dc:date; UTC here), guid, atom:subtitle,
    description, content:encoded, dc:creator (or author), source with its `url`, every category.
    """

    title: str
    url: str
    published_at: datetime | None = None
    guid: str | None = None
    subtitle: str | None = None
    description: str | None = None
    content: str | None = None
    author: str | None = None
    source: str | None = None
    source_url: str | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """A channel and its items in the order of the feed, which need not be that of their dates.

    `updated_at` is lastBuildDate in UTC. `unreadable` counts items without a title or an address.
    """

    title: str | None
    language: str | None
    updated_at: datetime | None
    items: tuple[FeedItem, ...]
    unreadable: int = 0


def parse_feed(body: bytes, host: str, *, unzoned: tzinfo = UTC) -> Feed:
    """Read the feed that `host` sent; `unzoned` is for dates that carry no offset. A feed may have no item at all.

    Repairs what publishers get wrong: undeclared namespaces, HTML entities, bare ampersands, wrong encodings. Entities
    are never expanded, and nothing is loaded.

    Raises ScrapeError: BLOCKED, RATE_LIMITED or NETWORK for a page in place of the feed, VALIDATION for what is not
    the format, naming what is missing; a feed that ends too early may be whole the next time, and is retryable.
    """
    if not _FEED_BEGINS.search(body.replace(b"\0", b"")[:4_000]):
        raise _no_feed(body, host)
    text = xml_text(body, host)
    if not _FEED_ENDS.search(text[-2_000:]):
        raise ScrapeError(f"the feed of {host} ends too early", FailureClass.VALIDATION, retryable=True)
    channel = _channel(text, host)
    fields = _fields(channel)
    elements = [child for child in channel if _name(child) == "item"][:MAX_ITEMS]
    items = [_item(_fields(element), unzoned) for element in elements]
    found = tuple(item for item in items if item is not None)
    _check(host, elements, found)
    return Feed(
        title=plain_text(_text(fields, "title")),
        language=_text(fields, "language"),
        updated_at=_moment(_text(fields, "lastBuildDate"), unzoned),
        items=found,
        unreadable=len(items) - len(found),
    )


def _no_feed(body: bytes, host: str) -> ScrapeError:
    refuse_block_page(body, host)
    head = body[:4_000].lower()
    if is_html(body) and (b"<html" in head or b"<!doctype html" in head):
        return ScrapeError(f"{host} answered with a page in place of a feed", FailureClass.BLOCKED)
    return ScrapeError(f"the answer of {host} is not RSS: it lacks <rss>", FailureClass.VALIDATION)


def _channel(text: str, host: str) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise ScrapeError(f"the feed of {host} is not XML: {error}", FailureClass.VALIDATION) from error
    channels = [] if root is None else [child for child in root if _name(child) == "channel"]
    if not channels:
        raise ScrapeError(f"the feed of {host} lacks <channel>", FailureClass.VALIDATION)
    return channels[0]


def _check(host: str, elements: list[etree._Element], items: tuple[FeedItem, ...]) -> None:
    """An item that lacks a field is the publisher's slip; a field that no item has is a change of format."""
    if elements and not items:
        has = ", ".join(sorted(_fields(elements[0]))) or "nothing"
        message = f"no item of {host} has a title and an address; the first one has {has[:300]}"
        raise ScrapeError(message, FailureClass.VALIDATION)
    if items and all(item.published_at is None for item in items):
        raise ScrapeError(f"no item of {host} has a pubDate that can be read", FailureClass.VALIDATION)


def _item(fields: dict[str, list[etree._Element]], unzoned: tzinfo) -> FeedItem | None:
    title, guid = _text(fields, "title"), _text(fields, "guid")
    url = _address(_text(fields, "link")) or _address(guid)
    if title is None or url is None:
        return None
    sources = fields.get("source", [])
    return FeedItem(
        title=" ".join(unescape(title).split()),
        url=url,
        published_at=_moment(_text(fields, "pubDate") or _text(fields, "dc:date"), unzoned),
        guid=guid,
        subtitle=plain_text(_text(fields, "atom:subtitle")),
        description=plain_text(_text(fields, "description")),
        content=plain_text(_text(fields, "content:encoded")),
        author=plain_text(_text(fields, "dc:creator") or _text(fields, "author")),
        source=plain_text(_text(fields, "source")),
        source_url=_address(sources[0].get("url")) if sources else None,
        categories=tuple(word for word in map(plain_text, map(_inner, fields.get("category", []))) if word),
    )


def _fields(element: etree._Element) -> dict[str, list[etree._Element]]:
    """The children by name, in their order."""
    fields: dict[str, list[etree._Element]] = defaultdict(list)
    for child in element:
        fields[_name(child)].append(child)
    return dict(fields)


def _name(element: etree._Element) -> str:
    """`title`, `atom:subtitle`: the usual prefix whatever the feed calls it, and also where it is not declared."""
    tag = element.tag
    if not isinstance(tag, str):
        return ""  # an entity that is not expanded
    namespace, brace, local = tag.rpartition("}")
    if not brace:
        return tag
    return f"{_PREFIXES.get(namespace[1:], namespace[1:])}:{local}"


def _text(fields: dict[str, list[etree._Element]], name: str) -> str | None:
    """The text of the first child of that name which has any."""
    return next((text for text in map(_inner, fields.get(name, [])) if text), None)


def _inner(element: etree._Element) -> str:
    """Everything that is written inside; markup that was not escaped only parts the words."""
    return " ".join(element.itertext()).strip()


def _address(text: str | None) -> str | None:
    text = (text or "").strip()
    return text if _URL.fullmatch(text) else None


def _moment(text: str | None, unzoned: tzinfo) -> datetime | None:
    """A date of RFC 822 or ISO 8601 in UTC; None when it is neither. `-0000` means UTC, as RFC 5322 has it."""
    if not text:
        return None
    moment = _parsed(text.strip())
    if moment is None or not _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if text.strip().endswith("-0000") else unzoned)
    return moment.astimezone(UTC)


def _parsed(text: str) -> datetime | None:
    # The strict reader first: the other one makes something of anything.
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
