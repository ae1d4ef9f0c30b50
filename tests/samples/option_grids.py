"""Option grids as programs that read opcoes.net.br expect them, with invented values."""

from __future__ import annotations

from typing import Any

import orjson

TITLES = ["Ticker", "F.M.", "Tipo", "Mod.", "A/I/OTM", "Strike", "Dist. Strike", "Prêmio %", "Último", "Negócios",
          "Vol. Financeiro", "Data/Hora", "Vol. Impl.", "Delta", "Gamma", "Theta", "Vega", "IdAcao"]  # fmt: skip
BLURRED = '<img src="/images/volblur.png">'


def row(
    ticker: str,
    kind: str = "CALL",
    *,
    strike: float = 30.0,
    last: float | None = 1.5,
    spot: float = 30.0,
    traded: str | None = "05/10/2026",
    volume: float | None = 1500.0,
) -> list[Any]:
    """One series: 18 fields, the ticker with the year behind it, the greeks blurred."""
    distance = round(strike / spot - 1, 6)
    quoted = [strike, distance, 5.0, last, 12, volume, traded]
    return [f"{ticker}_2026", "", kind, "E", "ATM", *quoted, *[BLURRED] * 5, "SMPL4"]


def grid(*rows: Any, columns: str | None = None) -> bytes:
    """The series of one expiry; `columns` is the key under which the columns are named, if any."""
    named = {} if columns is None else {columns: [{"title": title} for title in TITLES]}
    return orjson.dumps({"success": True, "data": {**named, "vencimentos": [], "cotacoesOpcoes": list(rows)}})


def expiries(*days: str) -> bytes:
    """The list of expiries, ISO."""
    listed = [{"value": day, "text": day, "selected": False, "dataAttributes": {"du": "9"}} for day in days]
    return orjson.dumps({"success": True, "data": {"vencimentos": listed, "cotacoesOpcoes": []}})
