"""The whole sample market: one seed, one clock, and everything that there is to know at a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from pregao.domain.calendar import market_day, session
from pregao.domain.clock import Clock
from pregao.sample_market.balances import Balances
from pregao.sample_market.coins import Coins
from pregao.sample_market.draws import Draws
from pregao.sample_market.headlines import Headlines
from pregao.sample_market.papers import PAPERS, Kind, Paper
from pregao.sample_market.prices import Bar, Prices
from pregao.sample_market.rates import Rates

DELAY = timedelta(minutes=15)
"""How late prices are that cost nothing."""


class Market:
    """What the sources are about."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.draws = Draws(seed)
        self.prices = Prices(self.draws)
        self.coins = Coins(self.draws)
        self.rates = Rates(self.draws)
        self.balances = Balances(self.draws)
        self.headlines = Headlines(self.draws, self.prices, self.rates)
        self._clock = clock

    def now(self) -> datetime:
        """The current instant, aware UTC, to the whole minute: what is asked twice in a minute is answered alike."""
        return self._clock.now().replace(second=0, microsecond=0)

    def paper(self, ticker: str, *kinds: Kind) -> Paper | None:
        """The paper that is called so in any case, if it is of one of `kinds`; None for all others."""
        found = PAPERS.get(ticker.upper())
        return found if found is not None and (not kinds or found.kind in kinds) else None

    def delayed(self, paper: Paper) -> Bar:
        """What a visitor sees of a paper now: the running session a quarter of an hour ago, else the last close."""
        now = self.now()
        running = session(market_day(now))
        if running is not None and running.is_open(now):
            return self.prices.seen(paper, max(now - DELAY, running.opens_at))
        return self.prices.seen(paper, now)
