"""Texts that stand where data should be: a block page, or the error of a gateway, stored as if it were a name.

A headline may be about Cloudflare, and a company may be called Gateway: only a whole page, or a text that is nothing
but such a notice, counts.
"""

from __future__ import annotations

import re

_NOTICES = re.compile(
    r"""(?:\W|\d{3}|http|error|erro|code|código|status)*+
    (?:
        (?:bad\ gateway|gateway\ time-?out|service\ (?:temporarily\ )?unavailable|internal\ server\ error
          |too\ many\ requests|forbidden|access\ (?:is\ )?denied|acesso\ negado|serviço\ indisponível)
        | attention\ required | just\ a\ moment | um\ momento | checking\ your\ browser.{0,80}
        | (?:please\ )?(?:verify|confirm)\ (?:that\ )?you\ are\ (?:a\ )?human.{0,80} | are\ you\ (?:a\ )?(?:human|robot)
        | (?:please\ )?(?:complete|solve|enter)\ the\ captcha.{0,80} | captcha(?:\ required)? | you\ have\ been\ blocked
        | sorry,\ you\ have\ been\ blocked | enable\ javascript\ and\ cookies\ to\ continue | request\ blocked
    )
    (?:\W|\d|error|cloudflare|nginx|openresty)*+""",
    re.VERBOSE,
)
_PAGE = re.compile(r"<!doctype html|<html\b|<head\b|<title\b")
_PAGE_MARKS = ("cloudflare", "captcha", "bad gateway", "gateway time", "access denied", "acesso negado", "unavailable",
               "too many requests", "forbidden", "just a moment", "blocked")  # fmt: skip
# One of these words is in everything that counts; a document without any need not be looked at.
_MARKS = tuple(
    word.encode()
    for word in ("gateway", "unavailable", "internal", "requests", "forbidden", "denied", "negado", "indispon",
                 "attention", "moment", "browser", "human", "robot", "captcha", "blocked", "javascript", "cloudflare")
)  # fmt: skip
_LONGEST_NOTICE = 160
_HEAD = 4_000


def block_text(text: str) -> str | None:
    """The notice that a text is, cut to a few words; None when it may be data.

    >>> block_text("502 Bad Gateway"), block_text("Just a moment...")
    ('502 bad gateway', 'just a moment...')
    >>> block_text("Cloudflare shares rise after earnings"), block_text("Petrobras PN")
    (None, None)
    """
    lower = " ".join(text[: _HEAD * 2].lower().split())
    if len(text) <= _LONGEST_NOTICE:
        return lower[:60] if _NOTICES.fullmatch(lower) else None
    if _PAGE.search(lower[:_HEAD]):
        return next((mark for mark in _PAGE_MARKS if mark in lower[:_HEAD]), None)
    return None


def may_hold_block_text(document: bytes) -> bool:
    """Whether a JSON document has a word that `block_text` needs: most have none, and need not be looked at."""
    lower = document.lower()
    return any(mark in lower for mark in _MARKS)
