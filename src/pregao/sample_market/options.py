"""Options: which series there are on a paper, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import erf, exp, log, sqrt
from typing import Literal

from pregao.domain.calendar import is_session, previous_session
from pregao.sample_market.draws import Draws
from pregao.sample_market.papers import WITH_OPTIONS, Kind, Paper
from pregao.sample_market.prices import VOLATILITY

EXPIRIES = 4
STRIKES = 9
INTEREST = 0.14
_CALLS, _PUTS = "ABCDEFGHIJKL", "MNOPQRSTUVWX"
_STEPS = ((5, 0.1), (15, 0.25), (40, 0.5), (120, 1.0))


@dataclass(frozen=True, slots=True)
class Series:
    """One series on `paper`: what it is, and BRL for one share at the price that it was made for."""

    paper: Paper
    ticker: str
    kind: Literal["CALL", "PUT"]
    strike: float
    expiry: date
    value: float
    opened: float
    trades: int
    qty: int

    @property
    def is_european(self) -> bool:
        """Puts are exercised at expiry only, calls at any time."""
        return self.kind == "PUT"


def expiries(day: date, count: int = EXPIRIES) -> list[date]:
    """The coming expiries: the third Friday of each month, or the session before.

    >>> expiries(date(2026, 11, 24), 2)
    [datetime.date(2026, 12, 18), datetime.date(2027, 1, 15)]
    """
    found: list[date] = []
    month = day.replace(day=1)
    while len(found) < count:
        expiry = _expiry(month)
        if expiry > day:
            found.append(expiry)
        month = (month + timedelta(days=32)).replace(day=1)
    return found


def chain(draws: Draws, paper: Paper, day: date, middle: float, price: float, opened: float) -> list[Series]:
    """The series on a paper: strikes around `middle`, valued at `price`, and at `opened` when the session began."""
    step = next((step for limit, step in _STEPS if middle < limit), 2.5)
    nearest = round(middle / step)
    found = []
    for expiry in expiries(day):
        for number in range(nearest - STRIKES, nearest + STRIKES + 1):
            strike = round(number * step, 2)
            if strike > 0:
                found += [_series(draws, paper, day, expiry, strike, price, opened, letters) for letters in _KINDS]
    return [series for series in found if series.value >= 0.01]


def _series(
    draws: Draws, paper: Paper, day: date, expiry: date, strike: float, price: float, opened: float, letters: str
) -> Series:
    is_call = letters is _CALLS
    years = (expiry - day).days / 365
    busy = draws.around(900 * exp(-9 * abs(log(strike / price)) - 4 * years), 0.8, "option", paper.ticker, strike, day)
    trades = min(99_999, 1 + int(busy))
    volatility = VOLATILITY[Kind(paper.kind)] * sqrt(252)
    return Series(
        paper=paper,
        ticker=_ticker(paper, letters[expiry.month - 1], strike),
        kind="CALL" if is_call else "PUT",
        strike=strike,
        expiry=expiry,
        value=round(_worth(price, strike, years, volatility, is_call=is_call), 2),
        opened=max(0.01, round(_worth(opened, strike, years, volatility, is_call=is_call), 2)),
        trades=trades,
        qty=100 * max(1, round(trades * draws.between(3, 40, "size", paper.ticker, strike))),
    )


def _ticker(paper: Paper, month: str, strike: float) -> str:
    """The letter tells call or put and the month; two papers of one issuer must not share their codes."""
    first = next(ticker for ticker in WITH_OPTIONS if ticker[:4] == paper.root)
    return f"{paper.root}{month}{round(strike * 10)}{'' if paper.ticker == first else 'W'}"


def _worth(price: float, strike: float, years: float, volatility: float, *, is_call: bool) -> float:
    """Black and Scholes."""
    spread = volatility * sqrt(max(years, 1 / 365))
    upper = (log(price / strike) + (INTEREST + volatility**2 / 2) * years) / spread
    later = strike * exp(-INTEREST * years)
    if is_call:
        return price * _normal(upper) - later * _normal(upper - spread)
    return later * _normal(spread - upper) - price * _normal(-upper)


def _normal(value: float) -> float:
    return (1 + erf(value / sqrt(2))) / 2


def _expiry(month: date) -> date:
    friday = month + timedelta(days=(4 - month.weekday()) % 7 + 14)
    return friday if is_session(friday) else previous_session(friday).day


_KINDS = (_CALLS, _PUTS)
