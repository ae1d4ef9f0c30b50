"""Answers in the manner of Investing.com, with invented prices and headlines."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import orjson
from tests.samples import feeds


def row(day: date, close: str = "30.41", **changes: object) -> dict[str, Any]:
    """One day, as the API and the pages have it: numbers as texts with a decimal point."""
    fields = {
        "direction_color": "greenFont",
        "rowDate": f"{day:%b %d, %Y}",
        "rowDateRaw": (day - date(1970, 1, 1)).days * 86_400,
        "rowDateTimestamp": f"{day}T00:00:00Z",
        "last_close": close.replace(".", ","),
        "last_closeRaw": close,
        "last_openRaw": "30.00",
        "last_maxRaw": "30.90",
        "last_minRaw": "29.80",
        "volume": "35,2M",
        "volumeRaw": 35_200_000,
        "change_precent": "0,33",
        "change_precentRaw": 0.33,
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def days(last: date, *closes: str) -> list[dict[str, Any]]:
    """Rows of consecutive days back from `last`."""
    return [row(last - timedelta(days=n), close) for n, close in enumerate(closes)]


def history(*rows: dict[str, Any]) -> bytes:
    """The API's answer."""
    return orjson.dumps({"data": list(rows)})


def page_data(*rows: dict[str, Any]) -> bytes:
    """The data inside of a page."""
    store = {"timeFrame": "Daily", "historicalData": {"data": list(rows)}}
    return orjson.dumps({"props": {"pageProps": {"state": {"historicalDataStore": store}}}})


def page(*rows: dict[str, Any]) -> bytes:
    """A page of historical data."""
    script = f'<script id="__NEXT_DATA__" type="application/json">{page_data(*rows).decode()}</script>'
    return f"<!DOCTYPE html><html><head><title>SMPL</title></head><body><h1>SMPL</h1>{script}</body></html>".encode()


def feed(*headlines: tuple[str, datetime]) -> bytes:
    """The feed: titles, links and dates (UTC, written without an offset), nothing more."""
    return feeds.feed(*(feeds.item(title, f"{at:%Y-%m-%d %H:%M:%S}") for title, at in headlines), title="Notícias")
