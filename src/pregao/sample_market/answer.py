"""What a source is asked, and what it answers: HTTP without a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from pregao.sample_market.market import Market

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
RSS = "application/rss+xml; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a source: the path below the source's own prefix; header names are lower case."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets."""

    body: bytes
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


NOT_HERE = Answer(b"Not Found", TEXT, 404)
"""For addresses that the source does not have."""


def json_of(document: Any, status: int = 200) -> Answer:
    """A document as JSON."""
    return Answer(orjson.dumps(document), JSON, status)


def page_of(markup: str, status: int = 200) -> Answer:
    """A page in UTF-8."""
    return Answer(markup.encode(), HTML, status)


Answers = Callable[[Market, Asked], Answer | None]
"""What a source answers, given the market; None for an address that it does not have."""
