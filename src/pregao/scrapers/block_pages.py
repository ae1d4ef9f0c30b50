"""Pages that stand where data should be, though the answer says 200: bot checks, refusals, a gateway's own error."""

from __future__ import annotations

import re
from html import unescape

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.failures import RateLimited, is_challenge, is_html

# Real pages are larger, so that what they say in a heading is about something else.
_SHORT = 20_000
_HEADING = re.compile(rb"<(title|h1|h2)\b[^>]{0,500}>(.{0,300}?)</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")

_REFUSED = re.compile(
    r"access denied|acesso negado|access to this page has been denied|you have been blocked|403 forbidden"
    r"|^forbidden$|pardon our interruption|request unsuccessful\. incapsula|error code: 10(06|07|08|09|10|12|20)"
)
_TOO_FAST = re.compile(r"you are being rate limited|429 too many requests|^too many requests|error code: 1015")
_BROKEN = re.compile(
    r"bad gateway|gateway time-?out|service (temporarily )?unavailable|internal server error|web server is down"
    r"|origin is unreachable|connection timed out|error code: 5[0-9]{2}|serviço indisponível|site em manutenção"
)


def refuse_block_page(body: bytes, host: str) -> None:
    """Let through what may be data. `host` is named in the message.

    Raises ScrapeError: BLOCKED for a bot check or a refusal, RATE_LIMITED for a page that asks to slow down, NETWORK
    for an empty body and for the error page of a server or gateway.
    """
    if not body.strip():
        raise ScrapeError(f"{host} answered with nothing", FailureClass.NETWORK)
    words = _loud_words(body)
    if said := _first(_TOO_FAST, words):
        raise RateLimited(f"{host} asks to slow down: {said!r}", None)
    if said := _first(_BROKEN, words):
        raise ScrapeError(f"{host} is in trouble: {said!r}", FailureClass.NETWORK)
    if said := _first(_REFUSED, words):
        raise ScrapeError(f"{host} refuses automated access: {said!r}", FailureClass.BLOCKED)
    if is_challenge(body):
        raise ScrapeError(f"{host} refuses automated access: it sent a bot check", FailureClass.BLOCKED)


def _first(pattern: re.Pattern[str], texts: list[str]) -> str | None:
    return next((text for text in texts if pattern.search(text)), None)


def _loud_words(body: bytes) -> list[str]:
    """What a short answer says first, in lower case: title and headings of a page, the whole of a plain line."""
    if len(body) >= _SHORT:
        return []
    if is_html(body):
        return [_plain(match[2]) for match in _HEADING.finditer(body)]
    return [_plain(body)] if len(body) <= 120 and b"{" not in body else []


def _plain(raw: bytes) -> str:
    text = unescape(_TAG.sub(" ", raw.decode("utf-8", "replace")))
    return " ".join(text.split()).lower()[:120]
