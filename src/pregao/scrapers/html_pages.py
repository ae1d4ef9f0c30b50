"""HTML pages as sites really send them: bytes in, a tree out, and the text that a reader sees in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree, html
from lxml.html import HtmlElement

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.block_pages import refuse_block_page
from pregao.scrapers.failures import is_html

_END = re.compile(rb"</html\s*>", re.IGNORECASE)
_NEVER_SHOWN = frozenset({"script", "style", "template", "noscript"})
# Icon fonts write an icon's name as text.
_ICONS = frozenset({"material-icons", "material-symbols-outlined"})


def read_page(body: bytes, host: str) -> HtmlElement:
    """The tree of the page that `host` sent.

    Raises ScrapeError: BLOCKED, RATE_LIMITED or NETWORK for a page that stands where the page should be, VALIDATION for
    what is no HTML, and for a page without its end, which may be whole the next time and is retryable.
    """
    refuse_block_page(body, host)
    if not is_html(body):
        raise ScrapeError(f"{host} answered with something that is no page: {body[:40]!r}", FailureClass.VALIDATION)
    if not _END.search(body):
        # Half a page would read as one whose other half has no values.
        raise ScrapeError(f"the page of {host} ends too early", FailureClass.VALIDATION, retryable=True)
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        return html.document_fromstring(decode_page(body).encode("utf-8"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise ScrapeError(
            f"{host} answered with a page that cannot be read: {error}", FailureClass.VALIDATION
        ) from error


def decode_page(body: bytes) -> str:
    """The characters of a page, decided by its bytes: what pages declare is wrong too often.

    UTF-8 where most of what is not ASCII is valid UTF-8, else windows-1252, which is what pages that declare
    ISO-8859-1 are written in.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    broken = text.count("\ufffd")
    foreign = sum(not character.isascii() for character in text) - broken if broken else 0
    return text if broken <= foreign or not broken else body.decode("cp1252", "replace")


def text_of(element: HtmlElement) -> str:
    """What a reader sees of an element, in one line: no scripts, no names of icons; `<wbr>` parts no word."""
    return " ".join("".join(_visible(element)).split())


def address_of(page: HtmlElement) -> str | None:
    """The address that a page gives as its own: its canonical link, else its `og:url`."""
    for link in page.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split() and link.get("href"):
            return str(link.get("href")).strip()
    for note in page.iter("meta"):
        if note.get("property") == "og:url" and note.get("content"):
            return str(note.get("content")).strip()
    return None


def classes_of(element: HtmlElement) -> frozenset[str]:
    """The words of an element's `class`."""
    return frozenset((element.get("class") or "").split())


def with_class(element: HtmlElement, *names: str) -> Iterator[HtmlElement]:
    """The descendants that have one of the classes, in page order."""
    wanted = set(names)
    for each in element.iterdescendants():
        if isinstance(each, HtmlElement) and not wanted.isdisjoint(classes_of(each)):
            yield each


def _visible(element: HtmlElement) -> Iterator[str]:
    if element.tag in _NEVER_SHOWN or not _ICONS.isdisjoint(classes_of(element)):
        return
    yield element.text or ""
    for child in element:
        if isinstance(child, HtmlElement):
            yield from _visible(child)
        yield child.tail or ""
