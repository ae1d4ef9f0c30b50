"""What B3 has on record of a listed company: its shares, and what they paid."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import orjson

from pregao.domain.clock import MARKET_ZONE, market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import json_answers, numbers_ptbr
from pregao.scrapers.json_answers import FIRST_YEAR, LAST_YEAR, invalid

LISTED = "https://sistemaswebb3-listados.b3.com.br"
SUPPLEMENT = "GetListedSupplementCompany"
DETAIL = "GetDetail"
MAX_PAYMENTS = 50

_SHARES = f"B3's answer to {SUPPLEMENT}"
_COMPANY = f"B3's answer to {DETAIL}"
_LARGEST_COUNT = 10**15


@dataclass(frozen=True, slots=True)
class Payment:
    """One dividend or interest on capital: `rate_brl` is BRL for one share; the last day with the right is `until`.

    Source fields: label, isinCode, rate, approvedOn, lastDatePrior, paymentDate, relatedTo.
    """

    label: str
    isin: str
    rate_brl: float | None
    approved_on: date | None
    until: date | None
    paid_on: date | None
    related_to: str


@dataclass(frozen=True, slots=True)
class Supplement:
    """A company's shares: its capital in BRL (stockCapital), how many (number…Shares, roundLot), what they paid."""

    issuer: str
    trading_name: str
    code_cvm: str
    segment: str
    capital_brl: float | None
    common_shares: int | None
    preferred_shares: int | None
    total_shares: int | None
    round_lot: int | None
    quoted_since: date | None
    payments: tuple[Payment, ...]
    stock_dividends: int
    subscriptions: int


@dataclass(frozen=True, slots=True)
class Detail:
    """Who a company is (companyName, cnpj, industryClassification, activity, website, otherCodes, lastDate)."""

    name: str
    cnpj: str
    classification: tuple[str, ...]
    activity: str
    website: str
    market: str
    papers: tuple[tuple[str, str], ...]
    has_bdr: bool | None
    updated_at: datetime


def call_path(call: str, **question: str) -> str:
    """The path of a call: the question travels in it, as JSON in base64."""
    document = orjson.dumps({**question, "language": "pt-br"})
    return f"/listedCompaniesProxy/CompanyCall/{call}/{quote(base64.b64encode(document), safe='=')}"


def parse_supplement(body: bytes, issuer: str) -> Supplement:
    """Read the supplement of `issuer`, four letters.

    Raises ScrapeError: NOT_FOUND for the empty answer that B3 gives for a company that it does not know, BLOCKED or
    NETWORK for a page, VALIDATION for what is not the format.
    """
    document = _document(body, issuer)
    row = document[0] if isinstance(document, list) and document else None
    if document == []:
        raise _unknown(issuer)
    if not isinstance(row, dict) or row.get("code") != issuer:
        raise invalid(_SHARES, f"it is not of {issuer}")
    code_cvm = _text(row, "codeCVM")
    if not code_cvm.isdigit():
        raise invalid(_SHARES, "`codeCVM` is missing")
    return Supplement(
        issuer=issuer,
        trading_name=_text(row, "tradingName"),
        code_cvm=code_cvm,
        segment=_text(row, "segment"),
        capital_brl=numbers_ptbr.number(_text(row, "stockCapital")),
        common_shares=_count(row, "numberCommonShares"),
        preferred_shares=_count(row, "numberPreferredShares"),
        total_shares=_count(row, "totalNumberShares"),
        round_lot=_count(row, "roundLot"),
        quoted_since=numbers_ptbr.date_of(_text(row, "quotedPerSharSince")),
        payments=tuple(_payment(payment) for payment in _rows(row, "cashDividends")),
        stock_dividends=len(_rows(row, "stockDividends")),
        subscriptions=len(_rows(row, "subscriptions")),
    )


def parse_detail(body: bytes, issuer: str) -> Detail:
    """Read the details of `issuer`, four letters. Raises as `parse_supplement`."""
    row = _document(body, issuer)
    if not isinstance(row, dict) or row.get("issuingCompany") != issuer:
        raise invalid(_COMPANY, f"it is not of {issuer}")
    name = _text(row, "companyName")
    if not name:
        raise invalid(_COMPANY, "`companyName` is missing")
    has_bdr = row.get("hasBDR")
    return Detail(
        name=name,
        cnpj=_text(row, "cnpj"),
        classification=tuple(part.strip() for part in _text(row, "industryClassification").split("/") if part.strip()),
        activity=_text(row, "activity"),
        website=_text(row, "website"),
        market=_text(row, "market"),
        papers=tuple((_text(paper, "code"), _text(paper, "isin")) for paper in _rows(row, "otherCodes")),
        has_bdr=has_bdr if isinstance(has_bdr, bool) else None,
        updated_at=_updated_at(_text(row, "lastDate")),
    )


def describe_company(shares: Supplement, company: Detail, url: str) -> dict[str, Any]:
    """The result's `data` for a company; `as_of` is when B3's record was changed last."""
    sector, subsector, segment = (*company.classification, None, None, None)[:3]
    return {
        "kind": "company",
        "issuer": shares.issuer,
        "name": company.name,
        "trading_name": shares.trading_name,
        "cnpj": company.cnpj,
        "code_cvm": shares.code_cvm,
        "sector": sector,
        "subsector": subsector,
        "segment": segment,
        "activity": company.activity,
        "website": company.website,
        "market": company.market,
        "listing_segment": shares.segment,
        "has_bdr": company.has_bdr,
        "capital_brl": shares.capital_brl,
        "common_shares": shares.common_shares,
        "preferred_shares": shares.preferred_shares,
        "total_shares": shares.total_shares,
        "round_lot": shares.round_lot,
        "quoted_since": _iso(shares.quoted_since),
        "stock_dividends": shares.stock_dividends,
        "subscriptions": shares.subscriptions,
        "papers": [{"ticker": ticker, "isin": isin} for ticker, isin in company.papers],
        "payments": [_shown(payment) for payment in shares.payments[:MAX_PAYMENTS]],
        "payments_left_out": max(0, len(shares.payments) - MAX_PAYMENTS),
        "as_of": market_iso(company.updated_at),
        "url": url,
    }


def _shown(payment: Payment) -> dict[str, Any]:
    return {
        "label": payment.label,
        "isin": payment.isin,
        "rate_brl": payment.rate_brl,
        "approved_on": _iso(payment.approved_on),
        "until": _iso(payment.until),
        "paid_on": _iso(payment.paid_on),
        "related_to": payment.related_to,
    }


def _document(body: bytes, issuer: str) -> Any:
    if not body.strip():
        raise _unknown(issuer)
    return json_answers.load(body, "B3", "B3's company record")


def _payment(row: dict[str, Any]) -> Payment:
    return Payment(
        label=_text(row, "label"),
        isin=_text(row, "isinCode"),
        rate_brl=numbers_ptbr.number(_text(row, "rate")),
        approved_on=numbers_ptbr.date_of(_text(row, "approvedOn")),
        until=numbers_ptbr.date_of(_text(row, "lastDatePrior")),
        paid_on=numbers_ptbr.date_of(_text(row, "paymentDate")),
        related_to=_text(row, "relatedTo"),
    )


def _updated_at(text: str) -> datetime:
    try:
        moment = datetime.strptime(text, "%d/%m/%Y %H:%M:%S")  # noqa: DTZ007 - the zone follows
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValueError("year out of range")
    except ValueError as error:
        raise invalid(_COMPANY, f"`lastDate` is {text[:40]!r}: {error}") from error
    return moment.replace(tzinfo=MARKET_ZONE)


def _rows(row: dict[str, Any], field: str) -> list[dict[str, Any]]:
    rows = row.get(field)
    return [entry for entry in rows if isinstance(entry, dict)] if isinstance(rows, list) else []


def _count(row: dict[str, Any], field: str) -> int | None:
    number = numbers_ptbr.number(_text(row, field))
    return None if number is None or not 0 <= number <= _LARGEST_COUNT else int(number)


def _text(row: dict[str, Any], field: str) -> str:
    return json_answers.text(row.get(field))


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _unknown(issuer: str) -> ScrapeError:
    return ScrapeError(f"B3 lists no company {issuer}; companies are named by four letters", FailureClass.NOT_FOUND)
