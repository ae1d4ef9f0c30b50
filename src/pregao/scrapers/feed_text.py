"""The text inside a feed: which characters its bytes stand for, and the repairs that let an XML parser read it."""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5

from lxml import etree

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
# Only what publishers use: some of Python's codecs are no character sets at all.
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "utf-16": "utf-16",
    # Browsers read Latin-1 as windows-1252, and so do the people who declare it.
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-15": "iso-8859-15",
}
_CDATA = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_OWN_ENTITIES = re.compile(r"<!DOCTYPE[^>]{0,1000}\[", re.IGNORECASE)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AMPERSAND = re.compile(r"&(?:([A-Za-z][A-Za-z0-9]{0,30});|#(\d{1,7});|#[xX]([0-9a-fA-F]{1,6});)?", re.ASCII)
_LAST_CHARACTER = 0x10FFFF
_XML_NAMES = frozenset({"lt", "gt", "amp", "quot", "apos"})

_BLOCK = re.compile(
    r"</?(?:p|div|br|hr|li|ul|ol|dl|dt|dd|tr|td|th|table|h[1-6]|blockquote|figure|figcaption|section|article)\b[^>]*>",
    re.IGNORECASE,
)


def xml_text(body: bytes, host: str) -> str:
    """The XML of a feed as text, without what no XML parser accepts: control characters, HTML entities, bare `&`.

    Bytes that are not in the declared encoding are read as UTF-8, else as windows-1252.
    Raises ScrapeError VALIDATION for a feed that declares entities of its own: they serve to blow a document up.
    """
    text = _NOT_XML.sub("", _decode(body))
    if _OWN_ENTITIES.search(text):
        raise ScrapeError(f"the feed of {host} declares entities of its own", FailureClass.VALIDATION)
    parts = _CDATA.split(text)
    parts[::2] = [_AMPERSAND.sub(_replaced, part) for part in parts[::2]]
    return "".join(parts)


def plain_text(markup: str | None) -> str | None:
    """What a reader sees of an HTML fragment, in one line; None when that is nothing.

    >>> plain_text("<p>Alta de <b>2%</b>.</p><p>Veja&nbsp;mais</p>"), plain_text("<img src='x'/><br/>")
    ('Alta de 2%. Veja mais', None)
    """
    if not markup:
        return None
    text = _without_tags(markup) if "<" in markup else unescape(markup)
    return " ".join(text.split()) or None


def _without_tags(markup: str) -> str:
    # Words on both sides of a paragraph's end are not one word.
    spaced = _NOT_XML.sub("", _BLOCK.sub(r" \g<0> ", markup))
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(f"<body>{spaced}</body>".encode(), parser)
    if root is None:
        return ""
    etree.strip_elements(root, "script", "style", with_tail=False)
    return "".join(root.itertext())


def _decode(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    body = body.removeprefix(b"\xef\xbb\xbf")
    declared = _DECLARED.match(body[:300].lstrip())
    charset = _CHARSETS.get(declared[1].decode("ascii").lower(), "utf-8") if declared else "utf-8"
    for candidate in (charset, "utf-8"):
        try:
            return body.decode(candidate)
        except UnicodeDecodeError:
            continue
    return body.decode("cp1252", "replace")


def _replaced(match: re.Match[str]) -> str:
    name, decimal, hexadecimal = match.groups()
    if name:
        return match[0] if name in _XML_NAMES else html5.get(f"{name};") or f"&amp;{name};"
    if not decimal and not hexadecimal:
        return "&amp;"
    code = int(decimal) if decimal else int(hexadecimal, 16)
    # A parser that repairs would take a lone surrogate as it is, and give text that is no text.
    return "" if code > _LAST_CHARACTER or _NOT_XML.match(chr(code)) else match[0]
