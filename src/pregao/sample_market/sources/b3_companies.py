"""B3's company records: a question in base64, and answers that are empty for companies that it does not list."""

from __future__ import annotations

import base64
import re
from datetime import date, timedelta

import orjson

from pregao.domain.calendar import is_session, last_closed_session, market_day, next_session, previous_session
from pregao.sample_market import ptbr
from pregao.sample_market.answer import NOT_HERE, Answer, Asked, json_of
from pregao.sample_market.balances import ISSUE_DAYS_AFTER, last_quarter
from pregao.sample_market.market import Market
from pregao.sample_market.papers import PAPERS, Kind, Paper, papers_of

_CALL = re.compile(r"/listedCompaniesProxy/CompanyCall/(\w+)/([A-Za-z0-9+/=_-]+)", re.ASCII)
_EMPTY = Answer(b"")
_PAYMENTS = 6


def answer(market: Market, asked: Asked) -> Answer | None:
    """The supplement of an issuer, or the details behind a CVM code."""
    found = _CALL.fullmatch(asked.path)
    if found is None:
        return None
    try:
        question = orjson.loads(base64.b64decode(found[2]))
    except ValueError:
        return NOT_HERE
    match found[1]:
        case "GetListedSupplementCompany":
            papers = _listed(str(question.get("issuingCompany", "")))
            return json_of([_supplement(market, papers)]) if papers else _EMPTY
        case "GetDetail":
            papers = _listed(_root_of(str(question.get("codeCVM", ""))))
            return json_of(_detail(market, papers)) if papers else _EMPTY
        case _:
            return NOT_HERE


def _supplement(market: Market, papers: list[Paper]) -> dict[str, object]:
    first, total = papers[0], papers[0].units
    common = total if len(papers) == 1 and first.ticker.endswith("3") else round(total * 0.57)
    balance = market.balances.of(first)
    return {
        "stockCapital": ptbr.number(balance.equity * 0.5),
        "quotedPerSharSince": "01/11/2013",
        "commonSharesForm": "Escritural",
        "preferredSharesForm": "" if common == total else "Escritural",
        "hasCommom": "BRADESCO",
        "hasPreferred": "" if common == total else "BRADESCO",
        "roundLot": "100",
        "tradingName": f"{first.short:<12}",
        "numberCommonShares": ptbr.number(common, 0),
        "numberPreferredShares": ptbr.number(total - common, 0),
        "totalNumberShares": ptbr.number(total, 0),
        "code": first.root,
        "codeCVM": _cvm(first.root),
        "segment": first.spec[8:] or "BOLSA",
        "cashDividends": [_payment(market, first, n, balance.dividend_per_share) for n in range(_PAYMENTS)],
        "stockDividends": [],
        "subscriptions": [],
    }


def _payment(market: Market, paper: Paper, number: int, yearly: float) -> dict[str, str]:
    """One of the quarterly payments, the newest first: approved when the quarter's balance is out."""
    quarter, approved = _quarter_before(market_day(market.now()), number)
    rate = yearly / 4 * market.draws.between(0.8, 1.2, "payment", paper.root, approved)
    return {
        "assetIssued": paper.isin,
        "paymentDate": ptbr.day(_session_from(approved + timedelta(days=35))),
        "rate": ptbr.number(rate, 11),
        "relatedTo": f"{quarter.month // 3}º Trimestre/{quarter.year}",
        "approvedOn": ptbr.day(approved),
        "isinCode": paper.isin,
        "label": "JRS CAP PROPRIO" if number % 2 else "DIVIDENDO",
        "lastDatePrior": ptbr.day(_session_from(approved + timedelta(days=8))),
        "remarks": "",
    }


def _detail(market: Market, papers: list[Paper]) -> dict[str, object]:
    first = papers[0]
    # B3 goes through its companies late in the evening, which after a session's close is still to come.
    changed = last_closed_session(market.now() - timedelta(hours=7)).day
    return {
        "issuingCompany": first.root,
        "companyName": first.name,
        "tradingName": first.short,
        "cnpj": f"{market.draws.of('cnpj', first.root).randrange(10**13, 10**14)}",
        "industryClassification": f"{first.sector} / {first.sector} / {first.sector}",
        "industryClassificationEng": None,
        "activity": f"SAMPLE DATA: {first.sector}.",
        "website": f"http://ri.{first.root.lower()}.example",
        "hasQuotation": None,
        "status": "A",
        "marketIndicator": "1",
        "market": "BOLSA",
        "institutionCommon": "BRADESCO",
        "institutionPreferred": "",
        "code": first.ticker,
        "codeCVM": _cvm(first.root),
        "lastDate": f"{ptbr.day(changed)} 23:05:06",
        "otherCodes": [{"code": paper.ticker, "isin": paper.isin} for paper in papers],
        "hasEmissions": False,
        "hasBDR": False,
        "typeBDR": None,
        "describleCategoryBVMF": None,
    }


def _listed(root: str) -> list[Paper]:
    return [paper for paper in papers_of(root) if paper.kind is Kind.SHARE]


def _cvm(root: str) -> str:
    """Five digits that stand for four letters."""
    return str(10_000 + list(dict.fromkeys(paper.root for paper in PAPERS.values())).index(root))


def _root_of(cvm: str) -> str:
    return next((paper.root for paper in PAPERS.values() if _cvm(paper.root) == cvm), "")


def _quarter_before(today: date, quarters: int) -> tuple[date, date]:
    """The end of a quarter whose balance is out, so many quarters ago, and the session at which it came out."""
    end = last_quarter(today)
    for _ in range(quarters):
        end = last_quarter(end)
    return end, previous_session(end + timedelta(days=ISSUE_DAYS_AFTER)).day


def _session_from(day: date) -> date:
    return day if is_session(day) else next_session(day).day
