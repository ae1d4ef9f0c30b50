"""The grid of opcoes.net.br as its own page fetches it: a list of expiries, and the series of each.

Known from programs that read it, not from a recording. What names the columns has moved between `columns`, `colunas`
and `aoColumns`, and is sometimes absent; rows are lists, or objects by column. Volatility and greeks are blurred
images for visitors, and are not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date
from statistics import median
from typing import Any, Literal

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers import json_answers, numbers_ptbr
from pregao.scrapers.builtin.opcoes_chain import Option, OptionType, Style
from pregao.scrapers.json_answers import invalid

HOST = "opcoes.net.br"
_WHAT = f"the option grid of {HOST}"

Field = Literal["ticker", "type", "style", "strike", "distance", "last", "trades", "volume", "traded_on"]

_POSITIONS: dict[Field, int] = {
    "ticker": 0,
    "type": 2,
    "style": 3,
    "strike": 5,
    "distance": 6,
    "last": 8,
    "trades": 9,
    "volume": 10,
    "traded_on": 11,
}
"""Where the fields are in a row of a grid that does not name its columns."""

_TITLES: dict[Field, tuple[str, ...]] = {
    "ticker": ("ticker", "codigo", "opcao"),
    "type": ("tipo", "callput"),
    "style": ("mod", "modelo", "estilo"),
    "strike": ("strike", "exercicio"),
    "distance": ("diststrike", "diststrikecotacao", "distanciadostrike"),
    "last": ("ultimo",),
    "trades": ("negocios", "numdeneg", "numneg", "nneg"),
    "volume": ("volfinanceiro", "volumefinanceiro", "volfin", "volume"),
    "traded_on": ("datahora", "dataultimonegocio", "ultimonegocio", "ultnegocio", "data"),
}
"""What the columns are called, without case, accents and signs; the first that is there counts."""

_REQUIRED = tuple(_TITLES)
_STYLES: dict[str, Style] = {"A": "american", "E": "european"}
_TYPES: dict[str, OptionType] = {"CALL": "call", "PUT": "put"}
_TICKER = re.compile(r"[A-Z0-9]{6,12}", re.ASCII)

_LARGEST_COUNT = 10**15

Read = Callable[[Field], Any]


def parse_expiries(body: bytes) -> tuple[date, ...]:
    """The expiries that the grid offers (data.vencimentos[].value), sorted; empty for a paper without options.

    Raises ScrapeError: BLOCKED, RATE_LIMITED or NETWORK for a page, ERROR for a refusal, VALIDATION for what is not
    the format.
    """
    listed = _data(body).get("vencimentos")
    if not isinstance(listed, list):
        raise invalid(_WHAT, "it lacks `data.vencimentos`")
    offered = [entry for entry in listed if not (isinstance(entry, dict) and entry.get("disabled"))]
    return tuple(sorted({_expiry(entry) for entry in offered}))


def parse_grid(body: bytes, expiry: date) -> tuple[Option, ...]:
    """The series of one expiry: a row does not say which, so that the caller does. Raises as `parse_expiries`."""
    data = _data(body)
    rows = data.get("cotacoesOpcoes")
    if not isinstance(rows, list):
        raise invalid(_WHAT, "it lacks `data.cotacoesOpcoes`")
    columns = _columns(data)
    return tuple(_option(_reader(row, columns), expiry) for row in rows)


def spot_of(body: bytes) -> float | None:
    """The paper's price, BRL, which the grid gives only as each strike's distance from it, a fraction; None without.

    Raises as `parse_grid`.
    """
    data = _data(body)
    rows, columns = data.get("cotacoesOpcoes"), _columns(data)
    found = []
    for row in rows if isinstance(rows, list) else []:
        read = _reader(row, columns)
        strike, distance = _number(read("strike")), _number(read("distance"))
        if strike is not None and distance is not None and abs(distance) < 0.5:
            found.append(strike / (1 + distance))
    return round(median(found), 2) if found else None


def _data(body: bytes) -> dict[str, Any]:
    document = json_answers.load(body, HOST, _WHAT)
    if not isinstance(document, dict) or not isinstance(document.get("success"), bool):
        raise invalid(_WHAT, "it lacks `success`")
    if not document["success"]:
        said = document.get("message") or document.get("error") or "without saying why"
        raise ScrapeError(f"{HOST} refused the request: {str(said)[:200]}", FailureClass.ERROR)
    if not isinstance(document.get("data"), dict):
        raise invalid(_WHAT, "it lacks `data`")
    data: dict[str, Any] = document["data"]
    return data


def _expiry(entry: object) -> date:
    value = entry.get("value") if isinstance(entry, dict) else None
    found = numbers_ptbr.date_of(value) if isinstance(value, str) else None
    if found is None:
        raise invalid(_WHAT, f"an expiry is {str(entry)[:80]!r}, not an object with a date as `value`")
    return found


def _columns(data: dict[str, Any]) -> Sequence[str]:
    """The folded titles of the columns; empty where the grid does not name them."""
    named: Any = next((data[key] for key in ("columns", "colunas", "aoColumns") if data.get(key)), [])
    if not isinstance(named, list):
        raise invalid(_WHAT, "its columns are no list")
    titles = [fold(_title(column)) for column in named]
    if titles:
        _require(titles)
    return titles


def _title(column: object) -> str:
    if isinstance(column, dict):
        column = next((column[key] for key in ("title", "sTitle", "name") if isinstance(column.get(key), str)), "")
    return column if isinstance(column, str) else ""


def _require(titles: Sequence[str]) -> None:
    missing = [field for field in _REQUIRED if not set(titles).intersection(_TITLES[field])]
    if missing:
        raise invalid(_WHAT, f"it has no column for {', '.join(missing)}, only {', '.join(filter(None, titles))[:200]}")


def _reader(row: object, columns: Sequence[str]) -> Read:
    """How to read a field of `row`: by the row's own names, by the named columns, or by position."""
    if isinstance(row, dict):
        values = {fold(str(name)): value for name, value in row.items()}
        _require(list(values))
        return lambda field: next((values[name] for name in _TITLES[field] if name in values), None)
    if not isinstance(row, list):
        raise invalid(_WHAT, f"a row is {str(row)[:80]!r}, neither a list nor an object")
    if columns:
        if len(row) != len(columns):
            raise invalid(_WHAT, f"a row has {len(row)} fields, and there are {len(columns)} columns")
        return _reader(dict(zip(columns, row, strict=True)), ())
    if len(row) <= max(_POSITIONS.values()):
        raise invalid(_WHAT, f"a row has {len(row)} fields, and no columns are named")
    return lambda field: row[_POSITIONS[field]]


def _option(read: Read, expiry: date) -> Option:
    # The site adds the year of the expiry: PETRK312_2026.
    ticker = str(read("ticker")).partition("_")[0].strip().upper()
    option_type, strike = _TYPES.get(str(read("type")).strip().upper()), _number(read("strike"))
    if not _TICKER.fullmatch(ticker) or option_type is None or strike is None or strike <= 0:
        shown = [str(read(field))[:20] for field in ("ticker", "type", "strike")]
        raise invalid(_WHAT, f"a row has {shown} as ticker, type and strike")
    traded_on = read("traded_on")
    return Option(
        ticker=ticker,
        option_type=option_type,
        style=_STYLES.get(str(read("style")).strip().upper()),
        strike=strike,
        expiry=expiry,
        last=_last(ticker, _number(read("last"))),
        traded_on=numbers_ptbr.date_of(traded_on) if isinstance(traded_on, str) else None,
        trades=_count(read("trades")),
        volume_brl=_number(read("volume")),
    )


def _last(ticker: str, value: float | None) -> float | None:
    """The last price; None for a series that never traded, which the grid shows as nothing or 0."""
    if value is not None and value < 0:
        raise invalid(_WHAT, f"the last price of {ticker} is {value}")
    return value or None


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None or not 0 <= number <= _LARGEST_COUNT else int(number)


def _number(value: object) -> float | None:
    """A JSON number, or a Brazilian one in text; None for the rest: nothing, a dash, a blurred image."""
    if isinstance(value, str):
        return numbers_ptbr.number(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
