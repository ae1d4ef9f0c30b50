"""Opções: the option chain of one paper, official and end of day, or from opcoes.net.br while the session is open."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from pregao.domain.calendar import closes_at, last_trading_moment, market_day, session_at
from pregao.domain.clock import Clock, market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin import opcoes_grid
from pregao.scrapers.builtin.b3_cotahist import CotahistDay
from pregao.scrapers.builtin.b3_files import COTAHIST, shared_files
from pregao.scrapers.builtin.opcoes_chain import Option, describe_chain, option_of
from pregao.scrapers.fallback import Way, first_of, passes
from pregao.scrapers.http import BROWSER_USER_AGENT, Reply, Site

GRID = "https://opcoes.net.br"
GRID_PATH = "/listaopcoes/completa"
MAX_EXPIRIES = 4
DELAY = timedelta(minutes=15)

_TICKER = re.compile(r"[A-Z][A-Z0-9]{3}[0-9]{0,2}", re.ASCII)


class OpcoesScraper(BaseScraper):
    """Takes the ticker of the paper that the options are on, in any case; the four letters do for an index."""

    name = "OpcoesNet"
    source = "Opcoes.Net.Br"
    canary = "PETR4"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._grid = Site(
            "opcoes",
            settings,
            user_agent=BROWSER_USER_AGENT,
            headers={"X-Requested-With": "XMLHttpRequest", "Referer": f"{GRID}/opcoes/bovespa"},
        )

    async def collect(self, argument: str | None) -> Collected:
        """The chain of the last published session; while a session is open, the running one if it can be had."""
        ticker = _ticker(argument)
        now = self._clock.now()
        official = Way(COTAHIST, lambda: self._end_of_day(ticker, now))
        running = Way(GRID, lambda: self._running(ticker, now))
        if session_at(now) is None:
            return await first_of(official, running, passing=passes)
        # Whatever is wrong with the grid, the official chain of the session before is better than nothing.
        return await first_of(running, official, passing=lambda _: True)

    async def _end_of_day(self, ticker: str, now: datetime) -> Collected:
        published = await shared_files(self._settings, self._clock).latest(now)
        data = await asyncio.to_thread(chain_of, published.file, ticker)
        return Collected({**data, "as_of": market_iso(closes_at(published.file.day)), "url": published.url})

    async def _running(self, ticker: str, now: datetime) -> Collected:
        expiries = opcoes_grid.parse_expiries((await self._ask(ticker)).body)
        coming = [expiry for expiry in expiries if expiry >= market_day(now)]
        options: list[Option] = []
        spot = None
        for expiry in coming[:MAX_EXPIRIES]:
            reply = await self._ask(ticker, expiry)
            options += opcoes_grid.parse_grid(reply.body, expiry)
            spot = spot or opcoes_grid.spot_of(reply.body)
        if not options:
            raise ScrapeError(f"opcoes.net.br lists no options on {ticker}", FailureClass.NOT_FOUND)
        as_of = _as_of(options, now)
        options = [_only_of_day(option, market_day(as_of)) for option in options]
        data = _chain_data(ticker, "running", None, spot, options, market_day(as_of))
        left_out = max(0, len(coming) - MAX_EXPIRIES)
        return Collected({**data, "as_of": market_iso(as_of), "url": reply.url}, {"expiries_left_out": left_out})

    async def _ask(self, ticker: str, expiry: date | None = None) -> Reply:
        """The grid of one expiry, or without one the list of expiries."""
        what = {"vencimentos": expiry.isoformat()} if expiry else {}
        listing, quotes = ("false", "true") if expiry else ("true", "false")
        return await self._grid.get(
            GRID,
            GRID_PATH,
            params={"idAcao": ticker, "listarVencimentos": listing, "cotacoes": quotes, **what},
        )


def chain_of(file: CotahistDay, ticker: str) -> dict[str, Any]:
    """The result's `data` for the options on `ticker` that traded in the session of `file`, without time and address.

    Raises ScrapeError: NOT_FOUND when none did, or when `ticker` stands for several papers.
    """
    spot = next((row for row in file.rows(ticker) if row.tpmerc == "010"), None)
    isin = spot.isin if spot is not None else _only_chain(file, ticker)
    options = [option for row in file.chain(isin) if (option := option_of(row)) is not None]
    if not options:
        raise ScrapeError(f"no option on {ticker} traded on {file.day}", FailureClass.NOT_FOUND)
    return _chain_data(ticker, "end_of_day", isin, spot.close if spot else None, options, file.day)


def _only_chain(file: CotahistDay, ticker: str) -> str:
    """The ISIN behind a paper that did not trade itself, or an index, if the options leave no doubt."""
    found = file.chains_of(ticker[:4])
    if not found:
        raise ScrapeError(
            f"{ticker} and its options did not trade on {file.day}, or do not exist", FailureClass.NOT_FOUND
        )
    if len(found) > 1:
        raise ScrapeError(
            f"{ticker} did not trade on {file.day}, and {ticker[:4]} has options on {len(found)} papers; name one",
            FailureClass.NOT_FOUND,
        )
    return found[0]


def _chain_data(
    ticker: str, kind: str, isin: str | None, spot: float | None, options: list[Option], day: date
) -> dict[str, Any]:
    described = describe_chain(options, day, spot)
    return {
        "underlying": ticker,
        "kind": kind,
        "isin": isin,
        "date": day.isoformat(),
        "spot": spot,
        "currency": "BRL",
        **described,
    }


def _only_of_day(option: Option, day: date) -> Option:
    """Without the turnover of another day: the grid shows each series as it was when it traded last."""
    return option if option.traded_on in (None, day) else replace(option, trades=None, volume_brl=None)


def _as_of(options: list[Option], now: datetime) -> datetime:
    """The grid says on which day a series traded last, and no time: now less the delay, or that day's close."""
    moment = last_trading_moment(now - DELAY)
    ahead = next((option for option in options if option.traded_on and option.traded_on > market_day(now)), None)
    if ahead is not None:
        raise ScrapeError(
            f"the option grid of opcoes.net.br has {ahead.ticker} traded on {ahead.traded_on}, which is in the future",
            FailureClass.VALIDATION,
        )
    latest = max((option.traded_on for option in options if option.traded_on), default=market_day(moment))
    return closes_at(latest) if latest < market_day(moment) else moment


def _ticker(argument: str | None) -> str:
    ticker = (argument or "").strip().upper()
    if not ticker:
        raise ScrapeError("Opcoes needs the ticker of a paper with options, for example PETR4", FailureClass.PERMANENT)
    if not _TICKER.fullmatch(ticker):
        raise ScrapeError(f"{ticker[:80]!r} has no options; use a ticker like PETR4", FailureClass.NOT_FOUND)
    return ticker
