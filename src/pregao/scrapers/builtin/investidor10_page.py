"""The page of one paper on Investidor10: cards with a titled value, and lists of indicators in two markups.

The CSS classes of the cards do not say what is in them (`pl` holds the change in twelve months): titles decide. Values
inside of scripts are the sector's, not the paper's, and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields

from lxml.html import HtmlElement

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers.builtin.investidor10_records import (
    DAY_CHANGE,
    OF_COMPANIES,
    UPDATED,
    Investidor10Etf,
    Investidor10Fund,
    Investidor10Share,
)
from pregao.scrapers.html_pages import classes_of, read_page, text_of, with_class
from pregao.scrapers.labelled_fields import Cells, Reading, read_record, refuse_labels, says_no_price
from pregao.scrapers.paper_pages import kind_told
from pregao.scrapers.papers import PaperKind

HOST = "investidor10.com.br"
FOLDERS = {
    PaperKind.SHARE: "acoes",
    PaperKind.FUND: "fiis",
    PaperKind.AGRO_FUND: "fiagros",
    PaperKind.ETF: "etfs",
    PaperKind.BDR: "bdrs",
}

_TICKER = re.compile(r"\b[A-Z][A-Z0-9]{3}\d{1,2}B?\b", re.ASCII)
_NOT_FOUND = ("paginanaoencontrada", "ativonaoencontrado", "404")
_FALLS = re.compile(r"--negative\b|seta-(?:down|baixo)|arrow[-_]down", re.IGNORECASE)

AnyReading = Reading[Investidor10Share] | Reading[Investidor10Fund] | Reading[Investidor10Etf]


@dataclass(frozen=True, slots=True)
class Investidor10Page:
    """One page: whose it is and of which kind, its record, and how many indicators were listed below the cards."""

    ticker: str
    kind: PaperKind
    reading: AnyReading
    indicators: int


def parse_investidor10(body: bytes, ticker: str, kind: PaperKind) -> Investidor10Page:
    """Read the page of a paper, in the layout of the kind that it says it is of, else of `kind`.

    A page of cards alone reads, with `indicators` 0: what is not in them is in the reading's `missing`.

    Raises ScrapeError: NOT_FOUND for the site's own "not found" and for a paper without a price, VALIDATION for what is
    not the format, naming what is missing, BLOCKED, RATE_LIMITED or NETWORK for pages in place of it.
    """
    page = read_page(body, HOST)
    headings = [text_of(element) for tag in ("h1", "title") for element in page.iter(tag)]
    found = _ticker(headings)
    if found is None and any(fold(heading).startswith(_NOT_FOUND) for heading in headings):
        raise ScrapeError(f"Investidor10 does not know {ticker}", FailureClass.NOT_FOUND)
    if found != ticker:
        said = "no ticker in its heading" if found is None else f"the page of {found}"
        raise ScrapeError(f"Investidor10 sent {said} for {ticker}", FailureClass.VALIDATION)
    cells = Cells()
    _add_cards(cells, page, ticker)
    cards = len(cells)
    _add_indicators(cells, page, ticker)
    if says_no_price(cells.text(("Cotação",))):
        raise ScrapeError(f"Investidor10 has no price for {ticker}", FailureClass.NOT_FOUND)
    indicators = len(cells) - cards
    kind = kind_told(page, FOLDERS) or kind
    return Investidor10Page(ticker, kind, _read(cells, kind, cards_only=not indicators), indicators)


def _read(cells: Cells, kind: PaperKind, *, cards_only: bool) -> AnyReading:
    name = f"Investidor10's page of {kind.with_article}"
    most_missing = len(fields(Investidor10Share)) if cards_only else None
    match kind:
        case PaperKind.SHARE:
            return read_record(Investidor10Share, cells, name, most_missing=most_missing)
        case PaperKind.BDR:
            most_missing = most_missing or Investidor10Share.MOST_MISSING_OF_BDR
            return read_record(Investidor10Share, cells, name, most_missing=most_missing)
        case PaperKind.FUND | PaperKind.AGRO_FUND:
            return read_record(Investidor10Fund, cells, name, most_missing=most_missing)
        case PaperKind.ETF:
            refuse_labels(cells, OF_COMPANIES, name)
            return read_record(Investidor10Etf, cells, name)


def _ticker(headings: list[str]) -> str | None:
    matches = (_TICKER.search(heading) for heading in headings)
    return next((match[0] for match in matches if match), None)


def _add_cards(cells: Cells, page: HtmlElement, ticker: str) -> None:
    for card in with_class(page, "_card"):
        title = next((each.get("title") for each in card.iter("span") if each.get("title")), None)
        body = next(with_class(card, "_card-body"), None)
        if title is None or body is None:
            continue
        shown = [each for each in body.iter("span") if text_of(each)]
        badges = [each for each in shown if "daily-variation-badge" in classes_of(each)]
        values = [each for each in shown if each not in badges]
        cells.add(title.replace(ticker, ""), _signed(values[0], body) if values else text_of(body))
        for badge in badges:
            cells.add(DAY_CHANGE, _signed(badge, badge))
        for hint in with_class(body, "last-update"):
            cells.add(UPDATED, hint.get("data-content") or text_of(hint))


def _add_indicators(cells: Cells, page: HtmlElement, ticker: str) -> None:
    for cell in with_class(page, "cell", "indicator-card"):
        label = _first(cell, "indicator-card-title", "name", "title")
        if label is None:
            label = next(cell.iter("span"), None)
        value = _first(cell, "indicator-card-value", "value")
        if label is None or value is None or label is value:
            continue
        # Big amounts are shown twice, rounded and in full.
        exact = _first(value, "detail-value")
        # "DIVIDEND YIELD - PETR4"
        cells.add(text_of(label).replace(ticker, ""), text_of(value if exact is None else exact))


def _first(element: HtmlElement, *classes: str) -> HtmlElement | None:
    return next(with_class(element, *classes), None)


def _signed(value: HtmlElement, block: HtmlElement) -> str:
    """The text of a value; a class or an arrow can make a percentage negative where no minus is written."""
    text = text_of(value)
    if not text.endswith("%") or text.startswith("-"):
        return text
    return f"-{text}" if any(_FALLS.search(mark) for mark in _marks(block)) else text


def _marks(block: HtmlElement) -> Iterator[str]:
    for element in block.iter():
        if isinstance(element, HtmlElement):
            yield from (element.get(name) or "" for name in ("class", "src"))
