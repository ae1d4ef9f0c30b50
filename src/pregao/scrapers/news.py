"""News as results: one shape for every feed, newest first, bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pregao.domain.clock import market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import Collected
from pregao.scrapers.json_answers import CLOCKS_DIFFER
from pregao.scrapers.mentions import Mentions
from pregao.scrapers.rss import FeedItem
from pregao.scrapers.shared_feeds import ReadFeed

MAX_ITEMS = 50
MAX_SUMMARY = 1_000
MAX_CATEGORIES = 10
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Headline:
    """One piece of news. `paywalled` is None where the source does not say."""

    title: str
    url: str
    source: str | None
    source_url: str | None
    published_at: datetime | None
    summary: str | None
    author: str | None
    categories: tuple[str, ...]
    paywalled: bool | None


def headline(
    item: FeedItem,
    *,
    source: str | None,
    source_url: str | None,
    title: str | None = None,
    summary: str | None = None,
    paywalled: bool | None = None,
) -> Headline:
    """An item of a feed with what its source knows better."""
    return Headline(
        title=title or item.title,
        url=item.url,
        source=source,
        source_url=source_url,
        published_at=item.published_at,
        summary=_shortened(summary),
        author=item.author,
        categories=item.categories[:MAX_CATEGORIES],
        paywalled=paywalled,
    )


def describe_news(
    read: ReadFeed,
    as_headline: Callable[[FeedItem], Headline],
    *,
    now: datetime,
    query: str | None = None,
    section: str | None = None,
    wanted: Mentions | None = None,
) -> Collected:
    """The result for those items of a feed that mention what is `wanted`: all of them when that is None.

    Items dated after `now` are left out and counted: one of them would stand first for ever.
    Raises ScrapeError VALIDATION when all of them are.
    """
    feed = read.feed
    current = [item for item in feed.items if not _is_future(item, now)]
    if feed.items and not current:
        raise ScrapeError(f"every item of {read.host} is dated in the future", FailureClass.VALIDATION)
    current.sort(key=lambda item: item.published_at or _LONG_AGO, reverse=True)
    matched = [item for item in current if wanted is None or wanted.found_in(_words(item))]
    listed = matched[:MAX_ITEMS]
    newest = next(iter(listed or current), None)
    data = {
        "query": query,
        "section": section,
        "feed": feed.title,
        "language": feed.language,
        "count": len(listed),
        "matched": len(matched),
        "items": [_document(as_headline(item)) for item in listed],
        "as_of": market_iso(newest.published_at if newest else feed.updated_at),
        "url": read.url,
    }
    counts = {
        "feed_items": len(feed.items),
        "future_items": len(feed.items) - len(current),
        "unreadable_items": feed.unreadable,
    }
    return Collected(data, {**counts, **_remark(matched, current, wanted)})


def _remark(matched: Sequence[FeedItem], current: Sequence[FeedItem], wanted: Mentions | None) -> dict[str, str]:
    if matched:
        return {}
    if wanted is None:
        return {"remark": "the source found nothing"}
    return {"remark": f"none of the {len(current)} items mentions {', '.join(wanted.looked_for)}"[:500]}


def _is_future(item: FeedItem, now: datetime) -> bool:
    return item.published_at is not None and item.published_at > now + CLOCKS_DIFFER


def _words(item: FeedItem) -> str:
    parts = (item.title, item.subtitle, item.description, item.content, *item.categories)
    return "\n".join(part for part in parts if part)


def _document(news: Headline) -> dict[str, Any]:
    return {**asdict(news), "published_at": market_iso(news.published_at), "categories": list(news.categories)}


def _shortened(text: str | None) -> str | None:
    if text is None or len(text) <= MAX_SUMMARY:
        return text
    return text[: MAX_SUMMARY - 1].rsplit(" ", 1)[0] + "…"
