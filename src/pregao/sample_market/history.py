"""What a price's past says: extremes, changes, averages, and the signs that people read in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import mean, pstdev

from pregao.sample_market.papers import Paper
from pregao.sample_market.prices import Prices

YEAR, MONTH, WEEK = 252, 21, 5
"""In sessions."""


@dataclass(frozen=True, slots=True)
class Past:
    """The closes of at most a year of sessions, the price now as the last of them.

    `before_year` is the last close of the calendar year before.
    """

    closes: Sequence[float]
    month_begins: int
    before_year: float

    @property
    def lowest(self) -> float:
        """Of the year."""
        return min(self.closes)

    @property
    def highest(self) -> float:
        """Of the year."""
        return max(self.closes)

    @property
    def this_month(self) -> Sequence[float]:
        """The closes of the calendar month."""
        return self.closes[self.month_begins :]

    @property
    def month_pct(self) -> float:
        """Since the last close of the month before."""
        return (self.closes[-1] / self.closes[max(0, self.month_begins - 1)] - 1) * 100

    @property
    def year_pct(self) -> float:
        """Since the last close of the year before."""
        return (self.closes[-1] / self.before_year - 1) * 100

    def change_pct(self, sessions: int) -> float:
        """Since so many sessions ago, or since the first one known."""
        return (self.closes[-1] / self.closes[max(-len(self.closes), -1 - sessions)] - 1) * 100

    def average(self, sessions: int) -> float:
        """The simple moving average."""
        return mean(self.closes[-sessions:])

    def deviation(self, sessions: int) -> float:
        """The standard deviation around it."""
        return pstdev(self.closes[-sessions:])

    def exponential(self, sessions: int) -> float:
        """The exponential moving average."""
        return _exponential(self.closes, sessions)[-1]

    def strength(self, sessions: int = 14) -> float:
        """The relative strength index, 0 to 100."""
        steps = [after - before for before, after in pairwise(self.closes)][-5 * sessions :]
        gains = _exponential([max(step, 0) for step in steps], 2 * sessions - 1)[-1]
        losses = _exponential([max(-step, 0) for step in steps], 2 * sessions - 1)[-1]
        return 50.0 if not gains + losses else 100 * gains / (gains + losses)

    def convergence(self) -> tuple[float, float]:
        """MACD (12, 26) and its signal (9)."""
        fast, slow = _exponential(self.closes, 12), _exponential(self.closes, 26)
        lines = [one - other for one, other in zip(fast, slow, strict=True)]
        return lines[-1], _exponential(lines, 9)[-1]

    def true_range(self, sessions: int = 14) -> float:
        """About what a session moves."""
        steps = [abs(after - before) for before, after in pairwise(self.closes)]
        return 1.3 * mean(steps[-sessions:])

    def direction(self, sessions: int = 14) -> float:
        """How much of the movement led anywhere, 0 to 100: about what ADX tells."""
        part = self.closes[-sessions - 1 :]
        moved = sum(abs(after - before) for before, after in pairwise(part))
        return 100 * abs(part[-1] - part[0]) / moved if moved else 0.0

    def vote(self) -> float:
        """How many of the averages are below the price, as a rating from -1 to 1."""
        price = self.closes[-1]
        lengths = (10, 20, 30, 50, 100, 200)
        votes = [1 if price > self.average(n) else -1 for n in lengths]
        votes += [1 if price > self.exponential(n) else -1 for n in lengths]
        return mean(votes)


def past_of(prices: Prices, paper: Paper, day: date, price: float | None = None) -> Past:
    """The year up to `day`; `price` takes the place of that session's close while it runs."""
    days = prices.sessions.back_from(day, YEAR)
    closes = [prices.close(paper, each) for each in days]
    if price is not None:
        closes[-1] = price
    month_begins = next(n for n, each in enumerate(days) if (each.year, each.month) == (day.year, day.month))
    return Past(closes, month_begins, prices.close(paper, date(day.year - 1, 12, 31)))


def _exponential(values: Sequence[float], sessions: int) -> list[float]:
    weight = 2 / (sessions + 1)
    found = [values[0]]
    for value in values[1:]:
        found.append(found[-1] + weight * (value - found[-1]))
    return found
