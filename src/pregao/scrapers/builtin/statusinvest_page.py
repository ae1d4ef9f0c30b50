"""The page of one paper on Status Invest: titles with a value under each, in the layouts of a share and of a fund."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from lxml.html import HtmlElement

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers.builtin.statusinvest_records import (
    DAY_CHANGE,
    NAME,
    OF_COMPANIES,
    StatusInvestFund,
    StatusInvestQuote,
    StatusInvestShare,
)
from pregao.scrapers.html_pages import classes_of, read_page, text_of, with_class
from pregao.scrapers.labelled_fields import Cells, Reading, read_record, refuse_labels, says_no_price
from pregao.scrapers.numbers_ptbr import date_of
from pregao.scrapers.paper_pages import kind_told
from pregao.scrapers.papers import PaperKind

HOST = "statusinvest.com.br"
FOLDERS = {
    PaperKind.SHARE: "acoes",
    PaperKind.FUND: "fundos-imobiliarios",
    PaperKind.AGRO_FUND: "fiagros",
    PaperKind.ETF: "etfs",
    PaperKind.BDR: "bdrs",
}

_NOT_FOUND = "ops"
_HEADING = re.compile(r"([A-Z][A-Z0-9]{3}\d{1,2}B?)\s*[-–]\s*(.+)", re.ASCII)
_DAY_CHANGE_TITLE = fold("Variação do valor do ativo com base no dia anterior")
_YIELD_TITLE = fold("Dividend Yield com base nos últimos 12 meses")
_YIELD_RANGE = re.compile(r"DATA COM entre \S+ e (\d{2}/\d{2}/\d{4})")
_DOWN = frozenset({"arrow_downward", "value-down-color"})

AnyReading = Reading[StatusInvestShare] | Reading[StatusInvestFund] | Reading[StatusInvestQuote]


@dataclass(frozen=True, slots=True)
class StatusInvestPage:
    """One page: whose it is and of which kind, its record, and the day it was made.

    The day is all that a page says about its time.
    """

    ticker: str
    kind: PaperKind
    reading: AnyReading
    page_date: date | None


def parse_statusinvest(body: bytes, ticker: str, kind: PaperKind) -> StatusInvestPage:
    """Read the page of a paper, in the layout of the kind that it says it is of, else of `kind`.

    Raises ScrapeError: NOT_FOUND for the site's "OPS. . ." and for a paper without a price, VALIDATION for what is not
    the format, naming what is missing, BLOCKED, RATE_LIMITED or NETWORK for pages in place of it.
    """
    page = read_page(body, HOST)
    found = _heading(page)
    if found is None and _says_ops(page):
        raise ScrapeError(f"Status Invest does not know {ticker}", FailureClass.NOT_FOUND)
    if found is None or found[0] != ticker:
        said = "no ticker in its heading" if found is None else f"the page of {found[0]}"
        raise ScrapeError(f"Status Invest sent {said} for {ticker}", FailureClass.VALIDATION)
    cells = _cells(page)
    cells.add(NAME, found[1])
    if says_no_price(cells.text(("Valor atual",))):
        raise ScrapeError(f"Status Invest has no price for {ticker}", FailureClass.NOT_FOUND)
    kind = kind_told(page, FOLDERS) or kind
    return StatusInvestPage(ticker, kind, _read(cells, kind), _page_date(page))


def _read(cells: Cells, kind: PaperKind) -> AnyReading:
    name = f"Status Invest's page of {kind.with_article}"
    if kind is PaperKind.ETF:
        refuse_labels(cells, OF_COMPANIES, name)
    match kind:
        case PaperKind.SHARE:
            return read_record(StatusInvestShare, cells, name)
        case PaperKind.FUND | PaperKind.AGRO_FUND:
            return read_record(StatusInvestFund, cells, name)
        case PaperKind.ETF | PaperKind.BDR:
            return read_record(StatusInvestQuote, cells, name)


def _heading(page: HtmlElement) -> tuple[str, str] | None:
    """Ticker and name, from `PETR4 - PETROBRAS`."""
    for tag in ("h1", "title"):
        for element in page.iter(tag):
            match = _HEADING.match(text_of(element))
            if match:
                return match[1], match[2].strip()
    return None


def _says_ops(page: HtmlElement) -> bool:
    return any(isinstance(each.tag, str) and fold(each.text or "") == _NOT_FOUND for each in page.iter())


def _cells(page: HtmlElement) -> Cells:
    cells = Cells()
    for block in with_class(page, "info", "item"):
        if next(with_class(block, "info", "item"), None) is None:
            _add_block(cells, block)
    for element in page.iter("span", "div"):
        if fold(element.get("title") or "") == _DAY_CHANGE_TITLE:
            cells.add(DAY_CHANGE, _signed(element))
    return cells


def _add_block(cells: Cells, block: HtmlElement) -> None:
    """One figure with its title, and the smaller ones below it with theirs."""
    parts = [(element, classes_of(element)) for element in block.iterdescendants() if isinstance(element, HtmlElement)]
    value = next((element for element, classes in parts if "value" in classes), None)
    titles = [element for element, classes in parts if "title" in classes]
    if value is not None:
        # The company's sector and its like: the title is set in the smaller type.
        for title in titles or [element for element, classes in parts if "sub-value" in classes]:
            for words in _variants(title):
                cells.add(words, _signed(value))
    for element, classes in parts:
        beside = element.getnext()
        if "sub-title" in classes and isinstance(beside, HtmlElement) and "sub-value" in classes_of(beside):
            cells.add(text_of(element), _signed(beside))


def _variants(title: HtmlElement) -> Iterator[str]:
    """A title, and each of the wordings in it that are shown on screens of different widths."""
    yield text_of(title)
    if len(title) > 1:
        yield from (text_of(part) for part in title if isinstance(part, HtmlElement))


def _signed(value: HtmlElement) -> str:
    """The text of a value; an arrow that points down makes a percentage negative even where no minus is written."""
    text = text_of(value)
    if not text.endswith("%") or text.startswith("-"):
        return text
    block = value.getparent() if value.tag in ("strong", "b") else value
    falls = block is not None and any(
        not _DOWN.isdisjoint((icon.text or "").split()) or not _DOWN.isdisjoint(classes_of(icon))
        for icon in block.iter("i")
        if isinstance(icon, HtmlElement)
    )
    return f"-{text}" if falls else text


def _page_date(page: HtmlElement) -> date | None:
    """The day up to which the page counts dividends, or the last one that its date picker allows."""
    for element in page.iterdescendants():
        if isinstance(element, HtmlElement) and fold(element.get("title") or "") == _YIELD_TITLE:
            for note in element.iter("i"):
                match = _YIELD_RANGE.search(note.get("data-tooltip") or "")
                if match:
                    return date_of(match[1])
    for picker in page.iter("input"):
        day = date_of(picker.get("data-max-date"))
        if day:
            return day
    return None
