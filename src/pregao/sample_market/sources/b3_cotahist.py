"""COTAHIST, B3's end-of-day file: records of 245 columns, after B3's own layout document (SeriesHistoricas_Layout)."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from pregao.sample_market.market import Market
from pregao.sample_market.options import Series, chain
from pregao.sample_market.papers import PAPERS, WITH_OPTIONS, Kind, Paper
from pregao.sample_market.prices import Bar

COLUMNS = 245
NEVER = "99991231"
_CASH, _ODD_LOT, _FORWARD, _CALL, _PUT = "010", "020", "030", "070", "080"
_BDI = {Kind.SHARE: "02", Kind.FUND: "12", Kind.AGRO_FUND: "12", Kind.ETF: "14", Kind.BDR: "02"}
_TERMS = (17, 31, 60)


@dataclass(frozen=True, slots=True)
class Record:
    """One line. Prices are BRL, in the order PREABE, PREMAX, PREMIN, PREMED, PREULT, PREOFC, PREOFV."""

    paper: Paper
    ticker: str
    bdi: str
    market: str
    prices: tuple[float, ...]
    trades: int
    qty: int
    short: str
    term: str = ""
    strike: float = 0.0
    expiry: str = NEVER

    def line(self, day: date) -> str:
        """The 245 columns, field by field from the first to the last."""
        volume = round(self.prices[3] * self.qty, 2)
        fields = (
            f"01{day:%Y%m%d}{self.bdi}{self.ticker:<12}{self.market}",
            f"{self.short:<12.12}{self.paper.spec:<10.10}{self.term:>3}R$  ",
            *(f"{_cents(price):013d}" for price in self.prices),
            f"{min(self.trades, 99_999):05d}{self.qty:018d}{_cents(volume):018d}",
            f"{_cents(self.strike):013d}0{self.expiry}{1:07d}{0:013d}",
            f"{self.paper.isin:<12}{100:03d}",
        )
        return "".join(fields)


def text(market: Market, day: date) -> bytes:
    """The file: a header, a record for each paper and series that traded, a trailer that counts them all."""
    lines = [record.line(day) for record in records(market, day)]
    name = f"COTAHIST.{day:%Y}BOVESPA {day:%Y%m%d}"
    total = len(lines) + 2
    whole = [f"00{name}", *lines, f"99{name}{total:011d}"]
    return "".join(f"{line:<{COLUMNS}}\r\n" for line in whole).encode("latin-1")


def records(market: Market, day: date) -> list[Record]:
    """What traded on `day`, as B3 sorts it: by BDI code and ticker."""
    found: list[Record] = []
    for paper in PAPERS.values():
        bar = market.prices.whole(paper, day)
        found += _papers_own(paper, bar)
        if paper.ticker in WITH_OPTIONS:
            series = chain(market.draws, paper, day, bar.previous, bar.close, bar.open)
            found += [_of_series(each) for each in series]
    return sorted(found, key=lambda record: (record.bdi, record.ticker, record.term))


@lru_cache(maxsize=8)
def archive(market: Market, day: date) -> bytes:
    """The ZIP of the session of `day`, with one file in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        # A time of its own in the archive would make two copies of one session differ.
        member = zipfile.ZipInfo(f"COTAHIST_D{day:%d%m%Y}.TXT", (day.year, day.month, day.day, 0, 0, 0))
        bundle.writestr(member, text(market, day), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _papers_own(paper: Paper, bar: Bar) -> list[Record]:
    """The paper itself, its odd lots, and for a few its forwards, whose tickers differ by term only."""
    prices = (bar.open, bar.high, bar.low, bar.average, bar.close, bar.close - 0.01, bar.close + 0.01)
    found = [Record(paper, paper.ticker, _BDI[paper.kind], _CASH, prices, bar.trades, bar.qty, paper.short)]
    if paper.kind is Kind.SHARE:
        odd = (*prices[:5], 0.0, 0.0)
        found.append(
            Record(paper, f"{paper.ticker}F", "96", _ODD_LOT, odd, bar.trades // 9 + 1, bar.qty % 89 + 11, paper.short)
        )
    if paper.ticker in WITH_OPTIONS:
        found += [_forward(paper, bar, days) for days in _TERMS]
    return found


def _forward(paper: Paper, bar: Bar, days: int) -> Record:
    price = round(bar.close * 1.14 ** (days / 252), 2)
    prices = (price, price, price, price, price, 0.0, 0.0)
    return Record(paper, f"{paper.ticker}T", "62", _FORWARD, prices, 3, 100 * days, paper.short, f"{days:03d}")


def _of_series(series: Series) -> Record:
    low, high = sorted((series.opened, series.value))
    middle = round((low + high) / 2, 2)
    prices = (series.opened, high, low, middle, series.value, max(0.0, series.value - 0.02), series.value + 0.02)
    return Record(
        paper=series.paper,
        ticker=series.ticker,
        bdi="78" if series.kind == "CALL" else "82",
        market=_CALL if series.kind == "CALL" else _PUT,
        prices=prices,
        trades=series.trades,
        qty=series.qty,
        # The issuer's four letters, and an E behind them for what is exercised at expiry only.
        short=f"{series.paper.root}{'E' if series.is_european else ''}",
        term="000",
        strike=series.strike,
        expiry=f"{series.expiry:%Y%m%d}",
    )


def _cents(amount: float) -> int:
    return max(0, round(amount * 100))
