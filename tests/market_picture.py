"""Everything that our scrapers bring from a sample market at one moment, for tests that compare it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.sample_markets import EVENING, IN_SESSION, SATURDAY, clock_at, sample_server, settings_for
from tests.scraping import data_of

from pregao.domain.calendar import Session, last_closed_session, session_at
from pregao.domain.clock import MARKET_ZONE
from pregao.scrapers.base import BaseScraper
from pregao.scrapers.builtin.b3 import B3Scraper
from pregao.scrapers.builtin.bcb import BCBScraper
from pregao.scrapers.builtin.bloomberg import BloombergScraper
from pregao.scrapers.builtin.coinmarketcap import CoinMarketCapScraper
from pregao.scrapers.builtin.fundamentus import FundamentusScraper
from pregao.scrapers.builtin.googlenews import GoogleNewsScraper
from pregao.scrapers.builtin.investidor10 import Investidor10Scraper
from pregao.scrapers.builtin.investing import InvestingScraper
from pregao.scrapers.builtin.opcoes import OpcoesScraper
from pregao.scrapers.builtin.statusinvest import StatusInvestScraper
from pregao.scrapers.builtin.tradingview import TradingViewScraper
from pregao.scrapers.builtin.valor import ValorScraper
from pregao.scrapers.http import aclose_clients

MOMENTS = (IN_SESSION, EVENING, SATURDAY, "2026-10-01T15:00:00", "2026-01-02T15:00:00")
"""The last two are the first sessions of a month and of a year, whose changes are those of the day."""
COMPANIES = ("PETR4", "PETR3", "VALE3", "ITUB4", "BBDC4", "WEGE3", "COGN3", "TAEE11")
FUNDS = ("HGLG11", "KNRI11")
ETF = "BOVA11"
COINS = ("BTC", "ETH", "SOL", "USDT")
HISTORY = "equities/petrobras-pn"
PAGES = (StatusInvestScraper, FundamentusScraper, Investidor10Scraper)
NEWS = (GoogleNewsScraper, ValorScraper, BloombergScraper, InvestingScraper)

ASKED: Mapping[type[BaseScraper], tuple[str | None, ...]] = {
    B3Scraper: (*COMPANIES, *FUNDS, ETF, "PETR", "VALE"),
    TradingViewScraper: (*COMPANIES, *FUNDS, ETF),
    StatusInvestScraper: (*COMPANIES, *FUNDS, ETF),
    Investidor10Scraper: (*COMPANIES, *FUNDS),
    FundamentusScraper: (*COMPANIES, *FUNDS),
    OpcoesScraper: ("PETR4", "VALE3", ETF),
    BCBScraper: ("SELIC", "CDI", "IPCA", "IGPM", "USD", "EUR"),
    CoinMarketCapScraper: COINS,
    InvestingScraper: (HISTORY, None),
    GoogleNewsScraper: ("VALE3", None),
    ValorScraper: (None,),
    BloombergScraper: (None,),
}


@dataclass(frozen=True)
class Picture:
    """What was brought by scraper and argument. `now` is aware; `session` the one that is trading, if any."""

    now: datetime
    session: Session | None
    brought: Mapping[tuple[type[BaseScraper], str | None], dict[str, Any]]

    def __getitem__(self, asked: tuple[type[BaseScraper], str | None]) -> dict[str, Any]:
        return self.brought[asked]

    def of(self, scraper: type[BaseScraper]) -> dict[str | None, dict[str, Any]]:
        """All that one scraper brought."""
        return {argument: data for (who, argument), data in self.brought.items() if who is scraper}

    @property
    def closed(self) -> date:
        """The day of the last session that is over."""
        return last_closed_session(self.now).day


@cache
def picture_at(local: str) -> Picture:
    """Ask every scraper for everything in `ASKED`, at a local time of São Paulo, over HTTP; once for all tests."""
    now = datetime.fromisoformat(local).replace(tzinfo=MARKET_ZONE)
    with TemporaryDirectory(prefix="pregao-picture-") as home:
        return Picture(now, session_at(now), asyncio.run(_brought(local, Path(home))))


async def _brought(local: str, home: Path) -> dict[tuple[type[BaseScraper], str | None], dict[str, Any]]:
    clock, found = clock_at(local), {}
    with sample_server(clock) as origin:
        settings = settings_for(origin, home)
        for scraper, arguments in ASKED.items():
            for argument in arguments:
                found[scraper, argument] = await data_of(scraper(settings, clock), argument)
        await aclose_clients()
    return found
