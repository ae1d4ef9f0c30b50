"""An option chain: the series on one paper, and what they sum up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pregao.scrapers.builtin.b3_cotahist import CotahistRow

MAX_OPTIONS = 300

OptionType = Literal["call", "put"]
Style = Literal["american", "european"]


@dataclass(frozen=True, slots=True)
class Option:
    """One series. Prices and strike are BRL for one share, `volume_brl` is the day's turnover; None where unknown.

    From COTAHIST: CODNEG, TPMERC, NOMRES, PREEXE, DATVEN, PREULT, PREOFC, PREOFV, TOTNEG, QUATOT, VOLTOT. Bid and ask
    are None where nobody offers. `traded_on` is the day of `last`.
    """

    ticker: str
    option_type: OptionType
    style: Style | None
    strike: float
    expiry: date
    last: float | None
    traded_on: date | None
    trades: int | None
    volume_brl: float | None
    qty: int | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    bid: float | None = None
    ask: float | None = None


def option_of(row: CotahistRow) -> Option | None:
    """A series as the end-of-day file has it; None for a record that is no call or put with strike and expiry."""
    if row.option_type is None or row.strike is None or row.expiry is None:
        return None
    return Option(
        ticker=row.ticker,
        option_type=row.option_type,
        style=_style(row),
        strike=row.strike,
        expiry=row.expiry,
        last=row.close,
        traded_on=row.day,
        trades=row.trades,
        volume_brl=row.volume_brl,
        qty=row.qty,
        open=row.open,
        high=row.high,
        low=row.low,
        bid=row.bid,
        ask=row.ask,
    )


def describe_chain(options: Sequence[Option], day: date, spot: float | None) -> dict[str, Any]:
    """What the series sum up to on `day`: counts, turnover, expiries, at-the-money; and the busiest of them.

    Ratios are puts over calls. At-the-money is the strike of the next expiry that is nearest to `spot`, BRL.
    """
    calls = [option for option in options if option.option_type == "call"]
    puts = [option for option in options if option.option_type == "put"]
    expiries = sorted({option.expiry for option in options})
    following = next((expiry for expiry in expiries if expiry >= day), None)
    shown = sorted(options, key=lambda option: -(option.volume_brl or 0))[:MAX_OPTIONS]
    return {
        "series": len(options),
        "calls": len(calls),
        "puts": len(puts),
        "trades": _trades(options),
        "call_volume_brl": _total(calls),
        "put_volume_brl": _total(puts),
        "put_call_volume_ratio": _ratio(_total(puts), _total(calls)),
        "put_call_series_ratio": _ratio(len(puts), len(calls)),
        "next_expiry": following.isoformat() if following else None,
        "days_to_next_expiry": (following - day).days if following else None,
        **_at_the_money([option for option in options if option.expiry == following], spot),
        "expiries": [_expiry(expiry, options) for expiry in expiries],
        "options": [_shown(option) for option in sorted(shown, key=_order)],
        "options_left_out": len(options) - len(shown),
    }


def _at_the_money(options: Sequence[Option], spot: float | None) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("atm_strike", "atm_call", "atm_call_price", "atm_put", "atm_put_price"))
    if spot is None or not options:
        return found
    nearest = min((option.strike for option in options), key=lambda strike: abs(strike - spot))
    found["atm_strike"] = nearest
    for kind in ("call", "put"):
        at = [option for option in options if option.strike == nearest and option.option_type == kind]
        if at:
            busiest = max(at, key=lambda option: option.volume_brl or 0)
            found[f"atm_{kind}"], found[f"atm_{kind}_price"] = busiest.ticker, busiest.last
    return found


def _expiry(expiry: date, options: Sequence[Option]) -> dict[str, Any]:
    mine = [option for option in options if option.expiry == expiry]
    calls = sum(option.option_type == "call" for option in mine)
    return {
        "expiry": expiry.isoformat(),
        "calls": calls,
        "puts": len(mine) - calls,
        "volume_brl": _total(mine),
    }


def _shown(option: Option) -> dict[str, Any]:
    return {
        "ticker": option.ticker,
        "option_type": option.option_type,
        "style": option.style,
        "strike": option.strike,
        "expiry": option.expiry.isoformat(),
        "last": option.last,
        "traded_on": option.traded_on.isoformat() if option.traded_on else None,
        "open": option.open,
        "high": option.high,
        "low": option.low,
        "bid": option.bid,
        "ask": option.ask,
        "trades": option.trades,
        "qty": option.qty,
        "volume_brl": option.volume_brl,
    }


def _order(option: Option) -> tuple[date, str, float, str]:
    return option.expiry, option.option_type, option.strike, option.ticker


def _trades(options: Sequence[Option]) -> int | None:
    known = [option.trades for option in options if option.trades is not None]
    return sum(known) if known else None


def _total(options: Sequence[Option]) -> float | None:
    """The turnover of all; None when it is known of none of them."""
    known = [option.volume_brl for option in options if option.volume_brl is not None]
    return round(sum(known), 2) if known or not options else None


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    return round(numerator / denominator, 4) if numerator is not None and denominator else None


def _style(row: CotahistRow) -> Style | None:
    """NOMRES is the issuer's four letters, and an E behind them for an option that is exercised at expiry only."""
    if row.name[:4] != row.ticker[:4]:
        return None
    return "european" if row.name[4:5] == "E" else "american"
