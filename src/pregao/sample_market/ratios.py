"""The ratios that sites compute from a price and a balance: what is not defined for a company is None."""

from __future__ import annotations

from dataclasses import dataclass

from pregao.sample_market.balances import Balance


@dataclass(frozen=True, slots=True)
class Ratios:
    """One company at one price (BRL). What ends in `_pct` is in percent."""

    price: float
    balance: Balance

    @property
    def worth(self) -> float:
        """Of all shares, BRL."""
        return self.price * self.balance.shares

    @property
    def enterprise(self) -> float | None:
        """Worth and net debt; banks have none."""
        return None if self.balance.is_bank else self.worth + self.balance.net_debt

    @property
    def earnings(self) -> float:
        """P/L."""
        return self.price / self.balance.per_share

    @property
    def book(self) -> float:
        """P/VP."""
        return self.price / self.balance.book_per_share

    @property
    def dividend_pct(self) -> float:
        """Of twelve months."""
        return self.balance.dividend_per_share / self.price * 100

    def worth_over(self, amount: float) -> float | None:
        """How many times `amount` the company is worth; banks have no such ratios."""
        return None if self.balance.is_bank else self.worth / amount

    def enterprise_over(self, amount: float) -> float | None:
        """How many times `amount` it costs with its debts."""
        return None if self.enterprise is None else self.enterprise / amount

    def share_pct(self, part: float, whole: float) -> float | None:
        """A part in percent of a whole; banks have no revenue to compare with."""
        return None if self.balance.is_bank else part / whole * 100

    def debt_over(self, amount: float) -> float | None:
        """Net debt in relation to `amount`."""
        return None if self.balance.is_bank else self.balance.net_debt / amount
