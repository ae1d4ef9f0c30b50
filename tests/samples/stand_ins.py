"""Answers of what stands in for B3's own quotes, and of B3's company records, with invented values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

BAR = (30.0, 30.5, 29.5, 30.25, 1000)


def chart(
    ticker: str,
    quoted: datetime,
    *bars: tuple[float, float, float, float, int] | None,
    price: float = 30.1,
    previous: float | None = 30.0,
    arrays: bool = True,
) -> bytes:
    """Yahoo's chart; `quoted` is aware, a bar is open, high, low, close and volume, None for an interval without."""
    columns = zip(*(bar or (None,) * 5 for bar in bars), strict=True) if bars else ([],) * 5
    quote = dict(zip(("open", "high", "low", "close", "volume"), map(list, columns), strict=True)) if arrays else {}
    meta = {
        "currency": "BRL",
        "symbol": f"{ticker}.SA",
        "regularMarketTime": int(quoted.timestamp()),
        "regularMarketPrice": price,
        "chartPreviousClose": previous,
        "previousClose": previous,
    }
    result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [quote]}}
    return orjson.dumps({"chart": {"result": [result], "error": None}})


CHART_NOT_FOUND = (
    b'{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}'
)


def brapi(ticker: str, time: str = "2026-10-05T15:00:00.000Z", **changes: Any) -> bytes:
    """brapi's quote of one paper."""
    row = {
        "symbol": ticker,
        "shortName": ticker,
        "longName": "Sample Co Pfd",
        "currency": "BRL",
        "regularMarketPrice": 30.1,
        "regularMarketDayHigh": 30.5,
        "regularMarketDayLow": 29.5,
        "regularMarketOpen": 30.0,
        "regularMarketPreviousClose": 29.9,
        "regularMarketVolume": 1000,
        "regularMarketChange": 0.25,
        "regularMarketChangePercent": 0.84,
        "regularMarketTime": time,
        "priceEarnings": 5.0,
        "earningsPerShare": 6.02,
        "marketCap": 1_000_000,
        **changes,
    }
    return orjson.dumps({"results": [row], "requestedAt": "2026-10-05T15:01:00.000Z", "took": 1})


BRAPI_BAD_TOKEN = '{"error":true,"message":"O seu token é inválido"}'.encode()

SUPPLEMENT = orjson.dumps(
    [
        {
            "code": "SMPL",
            "codeCVM": "99999",
            "tradingName": "SAMPLE CO   ",
            "segment": "NM",
            "stockCapital": "1.234.567,89",
            "quotedPerSharSince": "01/11/2013",
            "numberCommonShares": "1.000.000",
            "numberPreferredShares": "2.000.000",
            "totalNumberShares": "3.000.000",
            "roundLot": "100",
            "cashDividends": [
                {
                    "label": "DIVIDENDO",
                    "isinCode": "BRSMPLACNPR6",
                    "rate": "0,13340000000",
                    "relatedTo": "Anual/2025",
                    "approvedOn": "09/12/2025",
                    "lastDatePrior": "17/12/2025",
                    "paymentDate": "",
                }
            ],
            "stockDividends": [],
            "subscriptions": [{}],
        }
    ]
)
DETAIL = orjson.dumps(
    {
        "issuingCompany": "SMPL",
        "companyName": "SAMPLE S.A.",
        "cnpj": "00000000000191",
        "industryClassification": "Consumo / Bebidas / Refrigerantes",
        "activity": "Amostras.",
        "website": "http://ri.example.com",
        "market": "BOLSA",
        "lastDate": "02/10/2026 23:05:06",
        "otherCodes": [{"code": "SMPL3", "isin": "BRSMPLACNOR9"}, {"code": "SMPL4", "isin": "BRSMPLACNPR6"}],
        "hasBDR": False,
    }
)
