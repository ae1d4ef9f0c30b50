"""CoinMarketCap: the price of one coin, with a key from its own service, without one from keyless sources."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from pregao.domain.clock import Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin import coinmarketcap_coingecko as coingecko
from pregao.scrapers.builtin import coinmarketcap_quotes as quotes
from pregao.scrapers.builtin.coinmarketcap_coingecko import Markets
from pregao.scrapers.builtin.coinmarketcap_quotes import CURRENCY, KEY, Coin, Listing, describe_coin, is_name
from pregao.scrapers.fallback import Way, first_of
from pregao.scrapers.http import Reply, Site
from pregao.scrapers.json_answers import refuse_future
from pregao.scrapers.loop_local import LoopLocal
from pregao.scrapers.single_flight import Shared

PRO = "https://pro-api.coinmarketcap.com"
PRO_PATH = "/v2/cryptocurrency/quotes/latest"
LISTING = "https://api.coinmarketcap.com"
LISTING_PATH = "/data-api/v3/cryptocurrency/listing"
COINGECKO = "https://api.coingecko.com"
MARKETS_PATH = "/api/v3/coins/markets"
PRICE_PATH = "/api/v3/simple/price"
LISTED = 200
LISTING_SECONDS = 30.0

_COIN = re.compile(r"[A-Za-z0-9.$][A-Za-z0-9.$-]{0,59}", re.ASCII)
_LONGEST_LOWER_SYMBOL = 5
_REFUSALS = frozenset({400, 401, 402, 403, 404, 429, 500})

T = TypeVar("T")
_List = Listing | Markets
_Fetched = tuple[_List, str]


class CoinMarketCapScraper(BaseScraper):
    """Takes a coin's symbol, BTC, in any case, or its slug or name, bitcoin."""

    name = "CoinMarketCap"
    source = "CoinMarketCap"
    canary = "BTC"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("coinmarketcap", settings)

    async def collect(self, argument: str | None) -> Collected:
        """The coin's price in US dollars.

        With a key from CoinMarketCap's own service; without one, or while that fails in a passing way, from the
        listing behind its front page, then from CoinGecko. A key that is refused is a failure, and is told.
        """
        wanted = _coin(argument)
        key = self._settings.secret(KEY)
        if key is None:
            return await self._keyless(wanted)
        return await first_of(
            Way(PRO, lambda: self._with_key(wanted, key)), Way(LISTING, lambda: self._keyless(wanted))
        )

    async def _with_key(self, wanted: str, key: str) -> Collected:
        site = Site("coinmarketcap", self._settings, secret_headers={"X-CMC_PRO_API_KEY": key})
        symbol = wanted.upper()
        if not _is_slug(wanted):
            return await self._quoted(site, "symbol", symbol)
        try:
            return await self._quoted(site, "slug", wanted.lower())
        except ScrapeError as error:
            if error.failure_class is not FailureClass.NOT_FOUND or "-" in wanted:
                raise
        return await self._quoted(site, "symbol", symbol)

    async def _quoted(self, site: Site, by: str, wanted: str) -> Collected:
        reply = await site.get(PRO, PRO_PATH, params={by: wanted, "convert": CURRENCY}, accept=_REFUSALS)
        wait = reply.retry_after_seconds
        coin = _accepted(reply, lambda body: quotes.parse_quotes(body, wanted, retry_after_seconds=wait))
        return self._described(coin, reply.url)

    async def _keyless(self, wanted: str) -> Collected:
        ways = [Way(COINGECKO, lambda: self._from_markets(wanted))]
        if _is_slug(wanted):
            ways.append(Way(COINGECKO, lambda: self._from_price(wanted)))
        return await first_of(Way(LISTING, lambda: self._from_listing(wanted)), *ways, passing=_not_here_or_passing)

    async def _from_listing(self, wanted: str) -> Collected:
        listing, url = await self._shared().get("listing", self._listing)
        coin = listing.find(wanted)
        if coin is None:
            raise _not_listed(wanted, "CoinMarketCap", listing)
        return self._described(coin, url)

    async def _listing(self) -> _Fetched:
        params = {
            "start": "1",
            "limit": str(LISTED),
            "sortBy": "market_cap",
            "sortType": "desc",
            "convert": CURRENCY,
            "aux": "high24h,low24h,cmc_rank,max_supply,circulating_supply,total_supply",
        }
        reply = await self._site.get(LISTING, LISTING_PATH, params=params, accept=_REFUSALS)
        wait = reply.retry_after_seconds
        listing = _accepted(reply, lambda body: quotes.parse_listing(body, retry_after_seconds=wait))
        return listing, reply.url

    async def _from_markets(self, wanted: str) -> Collected:
        markets, url = await self._shared().get("markets", self._markets)
        coin = markets.find(wanted)
        if coin is None:
            raise _not_listed(wanted, "CoinGecko", markets)
        return self._described(coin, url)

    async def _markets(self) -> _Fetched:
        params = {"vs_currency": CURRENCY.lower(), "order": "market_cap_desc", "per_page": str(LISTED), "page": "1"}
        reply = await self._site.get(COINGECKO, MARKETS_PATH, params=params, accept=_REFUSALS)
        wait = reply.retry_after_seconds
        markets = _accepted(reply, lambda body: coingecko.parse_markets(body, CURRENCY, retry_after_seconds=wait))
        return markets, reply.url

    async def _from_price(self, wanted: str) -> Collected:
        asked = ("market_cap", "24hr_vol", "24hr_change", "last_updated_at")
        params = {
            "ids": wanted.lower(),
            "vs_currencies": CURRENCY.lower(),
            **{f"include_{name}": "true" for name in asked},
        }
        reply = await self._site.get(COINGECKO, PRICE_PATH, params=params, accept=_REFUSALS)
        wait = reply.retry_after_seconds
        coin = _accepted(
            reply,
            lambda body: coingecko.parse_price(
                body, wanted.lower(), CURRENCY, included=asked, retry_after_seconds=wait
            ),
        )
        return self._described(coin, reply.url)

    def _described(self, coin: Coin, url: str) -> Collected:
        if coin.updated_at is not None:
            refuse_future(f"the price of {coin.slug}", coin.updated_at, self._clock.now())
        return Collected(describe_coin(coin, url))

    def _shared(self) -> Shared[str, _Fetched]:
        """The lists that all jobs of this event loop share: one request serves every coin in them."""
        origin = self._site.origin(LISTING)
        return _lists.get().setdefault(origin, Shared(self._clock, LISTING_SECONDS))


_lists: LoopLocal[dict[str, Shared[str, _Fetched]]] = LoopLocal(dict)


def _accepted(reply: Reply, parse: Callable[[bytes], T]) -> T:
    """What an answer says, in its own words where it refuses, else by the status of HTTP."""
    if reply.status != 200 and not reply.body.lstrip().startswith(b"{"):
        raise reply.refusal()
    try:
        found = parse(reply.body)
    except ScrapeError as error:
        if reply.status != 200 and error.failure_class is FailureClass.VALIDATION:
            raise reply.refusal() from error
        raise
    if reply.status != 200:
        raise reply.refusal()
    return found


def _not_here_or_passing(error: ScrapeError) -> bool:
    return error.retryable or error.failure_class is FailureClass.NOT_FOUND


def _not_listed(wanted: str, by: str, those: _List) -> ScrapeError:
    return ScrapeError(
        f"{wanted} is not among the {len(those.rows)} largest coins of {by}; with {KEY} every coin is found",
        FailureClass.NOT_FOUND,
    )


def _is_slug(wanted: str) -> bool:
    """Whether a service of all coins is to be asked by slug: some of them have the symbols of others as slugs."""
    return "-" in wanted or (is_name(wanted) and len(wanted) > _LONGEST_LOWER_SYMBOL)


def _coin(argument: str | None) -> str:
    wanted = (argument or "").strip()
    if not wanted:
        raise ScrapeError("CoinMarketCap needs a coin, for example BTC", FailureClass.PERMANENT)
    if not _COIN.fullmatch(wanted):
        raise ScrapeError(f"{wanted[:80]!r} is no coin; use a symbol like BTC", FailureClass.NOT_FOUND)
    return wanted
