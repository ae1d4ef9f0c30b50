"""What companies and funds own, owe, earn and pay out: made up once for each, and plausible together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pregao.sample_market.draws import Draws
from pregao.sample_market.papers import BANKING, Paper, papers_of

ISSUE_DAYS_AFTER = 45
"""A quarter's balance is out so many days after its end."""


@dataclass(frozen=True, slots=True)
class Balance:
    """One company. Amounts are BRL of twelve months, or at the end of the last quarter; `_3m` are of that quarter."""

    shares: int
    revenue: float
    gross: float
    ebitda: float
    ebit: float
    profit: float
    revenue_3m: float
    ebit_3m: float
    profit_3m: float
    assets: float
    current_assets: float
    current_debts: float
    cash: float
    debt: float
    equity: float
    dividends: float
    growth_revenue: float
    growth_profit: float
    free_float: float
    is_bank: bool

    @property
    def net_debt(self) -> float:
        """What is owed beyond the cash."""
        return self.debt - self.cash

    @property
    def per_share(self) -> float:
        """Profit of a share, BRL (LPA)."""
        return self.profit / self.shares

    @property
    def book_per_share(self) -> float:
        """Equity of a share, BRL (VPA)."""
        return self.equity / self.shares

    @property
    def dividend_per_share(self) -> float:
        """BRL of twelve months."""
        return self.dividends / self.shares

    @property
    def working_capital(self) -> float:
        """Current assets less current debts."""
        return self.current_assets - self.current_debts


@dataclass(frozen=True, slots=True)
class FundBalance:
    """One fund. Amounts are BRL; `income` is what a quota paid last, and `yearly` in twelve months."""

    quotas: int
    equity: float
    assets: float
    income: float
    yearly: float
    holders: int
    properties: int
    units: int
    area_m2: float
    vacancy_pct: float
    cash_pct: float

    @property
    def per_quota(self) -> float:
        """Equity of a quota, BRL."""
        return self.equity / self.quotas


class Balances:
    """The figures behind each paper. Papers of one company share them."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def of(self, paper: Paper) -> Balance:
        """The balance of a company."""
        root = paper.root
        worth = papers_of(root)[0].price * paper.units
        is_bank = paper.sector in BANKING
        earnings, returns = ((6.0, 11.0), (0.11, 0.22)) if is_bank else ((4.5, 19.0), (0.07, 0.26))
        profit = worth / self._draws.between(*earnings, "earnings", root)
        margin = self._draws.between(0.06, 0.24, "margin", root)
        revenue = profit / margin
        ebit = profit * self._draws.between(1.35, 1.9, "interest", root)
        equity = profit / self._draws.between(*returns, "returns", root)
        assets = equity * (self._draws.between(9, 12, "leverage", root) if is_bank else self._leverage(root))
        current = assets * self._draws.between(0.18, 0.42, "current", root)
        debt = (assets - equity) * self._draws.between(0.35, 0.7, "debt", root)
        quarter = self._draws.between(0.21, 0.29, "quarter", root)
        return Balance(
            shares=paper.units,
            revenue=revenue,
            gross=min(revenue * 0.85, ebit + revenue * self._draws.between(0.08, 0.2, "gross", root)),
            ebitda=ebit * self._draws.between(1.12, 1.5, "depreciation", root),
            ebit=ebit,
            profit=profit,
            revenue_3m=revenue * quarter,
            ebit_3m=ebit * (quarter + 0.01),
            profit_3m=profit * (quarter - 0.01),
            assets=assets,
            current_assets=current,
            current_debts=current / self._draws.between(0.85, 2.1, "liquidity", root),
            cash=current * self._draws.between(0.15, 0.45, "cash", root),
            debt=debt,
            equity=equity,
            dividends=profit * self._draws.between(0.2, 0.75, "payout", root),
            growth_revenue=self._draws.between(-2, 18, "growth", root),
            growth_profit=self._draws.between(-6, 25, "profits", root),
            free_float=self._draws.between(35, 98, "float", root),
            is_bank=is_bank,
        )

    def of_fund(self, paper: Paper) -> FundBalance:
        """The balance of a fund."""
        root = paper.root
        equity = paper.price * paper.units / self._draws.between(0.82, 1.08, "book", root)
        yearly = paper.price * self._draws.between(0.085, 0.13, "income", root)
        properties = round(self._draws.between(6, 40, "properties", root))
        return FundBalance(
            quotas=paper.units,
            equity=equity,
            assets=equity * self._draws.between(1.02, 1.25, "leverage", root),
            income=round(yearly / 12, 2),
            yearly=round(yearly, 2),
            holders=round(self._draws.between(40_000, 900_000, "holders", root)),
            properties=properties,
            units=properties * 3,
            area_m2=equity * 0.9 / self._draws.between(2_500, 9_000, "area", root),
            vacancy_pct=self._draws.between(0.5, 9, "vacancy", root),
            cash_pct=self._draws.between(1, 9, "cash", root),
        )

    def _leverage(self, root: str) -> float:
        return self._draws.between(1.6, 3.4, "leverage", root)


def last_quarter(today: date) -> date:
    """The end of the quarter whose balance is out on `today`.

    >>> last_quarter(date(2026, 11, 24)), last_quarter(date(2026, 11, 1)), last_quarter(date(2026, 1, 5))
    (datetime.date(2026, 9, 30), datetime.date(2026, 6, 30), datetime.date(2025, 9, 30))
    """
    ends = [date(year, month, day) for year in (today.year - 1, today.year) for month, day in _QUARTERS]
    return max(end for end in ends if (today - end).days >= ISSUE_DAYS_AFTER)


_QUARTERS = ((3, 31), (6, 30), (9, 30), (12, 31))
