"""The tickers of a schedule: one job for each. Their case and length are the caller's."""

from __future__ import annotations

import re

from pregao.configuration.document import Located, Mapping
from pregao.configuration.form import Form

_NO_TICKERS: tuple[str | None, ...] = (None,)
_CODE = re.compile(r"[A-Z0-9]{2,12}")


def read_tickers(form: Form) -> tuple[str | None, ...]:
    """A list, or one text, or nothing at all: then there is one job without a ticker."""
    field = form.get("tickers")
    if field is None:
        return _NO_TICKERS
    if field.value is None or field.value == []:
        form.report(
            "tickers", "is empty", "leave the field out for a scraper that takes none, or list at least one ticker"
        )
        return _NO_TICKERS
    items = field.value if isinstance(field.value, list) else [field]
    tickers: list[str | None] = []
    for item in items:
        ticker = _read_ticker(form, item)
        if ticker is None:
            continue
        if ticker in tickers:
            form.warn("tickers", f"lists {ticker!r} twice, again on line {item.line}", "one job is made for it")
            continue
        tickers.append(ticker)
    return tuple(tickers)


def _read_ticker(form: Form, item: Located) -> str | None:
    if item.value is None:
        form.report("tickers", f"has an empty entry on line {item.line}", "remove it, or put the text in quotes")
        return None
    if isinstance(item.value, bool | Mapping | list):
        form.report("tickers", f"has {item.text} on line {item.line}, which is not text", "put it in quotes")
        return None
    if not item.raw.strip():
        form.report("tickers", f"has a blank entry on line {item.line}", "remove it")
        return None
    if "\0" in item.raw:
        form.report("tickers", f"has a NUL character on line {item.line}", "remove it: PostgreSQL cannot store it")
        return None
    parts = [part.strip() for part in item.raw.split(",")]
    if len(parts) > 1 and all(_CODE.fullmatch(part) for part in parts):
        form.report("tickers", "is several tickers in one text", f"write a list: [{', '.join(parts)}]")
        return None
    return item.raw
