"""Coins, which trade around the clock: prices in US dollars at every minute, and how they came there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from pregao.sample_market.draws import Draws
from pregao.sample_market.walk import Walk

FIRST_DAY = date(2024, 1, 1)
VOLATILITY = 0.03
MINUTES = 24 * 60
_TURNOVER = 0.05


@dataclass(frozen=True, slots=True)
class Coin:
    """One coin: the price that it moves around in US dollars, how many there are, and can ever be."""

    number: int
    symbol: str
    name: str
    slug: str
    price: float
    supply: float
    most: float | None = None


COINS = (
    Coin(1, "BTC", "Bitcoin", "bitcoin", 104_000, 19.95e6, 21e6),
    Coin(1027, "ETH", "Ethereum", "ethereum", 3_900, 120.7e6),
    Coin(825, "USDT", "Tether USDt", "tether", 1, 183e9),
    Coin(52, "XRP", "XRP", "xrp", 2.4, 60e9, 100e9),
    Coin(1839, "BNB", "BNB", "bnb", 960, 138e6),
    Coin(5426, "SOL", "Solana", "solana", 172, 552e6),
    Coin(3408, "USDC", "USDC", "usd-coin", 1, 76e9),
    Coin(1958, "TRX", "TRON", "tron", 0.31, 94.6e9),
    Coin(74, "DOGE", "Dogecoin", "dogecoin", 0.19, 151e9),
    Coin(2010, "ADA", "Cardano", "cardano", 0.64, 35.8e9, 45e9),
    Coin(32196, "HYPE", "Hyperliquid", "hyperliquid", 41, 270e6, 962e6),
    Coin(1975, "LINK", "Chainlink", "chainlink", 17.6, 696e6, 1e9),
    Coin(1831, "BCH", "Bitcoin Cash", "bitcoin-cash", 520, 19.95e6, 21e6),
    Coin(512, "XLM", "Stellar", "stellar", 0.31, 32e9, 50e9),
    Coin(20947, "SUI", "Sui", "sui", 2.4, 3.68e9, 10e9),
    Coin(5805, "AVAX", "Avalanche", "avalanche", 19.4, 427e6, 715e6),
    Coin(2, "LTC", "Litecoin", "litecoin", 97, 76.5e6, 84e6),
    Coin(11419, "TON", "Toncoin", "toncoin", 2.2, 2.5e9),
    Coin(5994, "SHIB", "Shiba Inu", "shiba-inu", 1.01e-05, 589e12),
    Coin(6636, "DOT", "Polkadot", "polkadot-new", 3.1, 1.63e9, 2.1e9),
    Coin(7083, "UNI", "Uniswap", "uniswap", 6.3, 630e6),
    Coin(7278, "AAVE", "Aave", "aave", 228, 15.3e6, 16e6),
    Coin(3794, "ATOM", "Cosmos", "cosmos", 3.1, 473e6),
    Coin(28321, "POL", "POL (ex-MATIC)", "polygon-ecosystem-token", 0.2, 10.5e9),
)
_PEGGED = frozenset({"USDT", "USDC"})


@dataclass(frozen=True, slots=True)
class Quote:
    """One coin at one minute: US dollars, changes in percent, `volume` of a day."""

    coin: Coin
    rank: int
    price: float
    high_24h: float
    low_24h: float
    volume: float
    change_1h: float
    change_24h: float
    change_7d: float
    change_30d: float
    dominance: float

    @property
    def capitalisation(self) -> float:
        """US dollars."""
        return self.price * self.coin.supply

    def times(self, rate: float) -> Quote:
        """The same in another currency, of which a US dollar is worth `rate`."""
        return replace(
            self,
            price=self.price * rate,
            high_24h=self.high_24h * rate,
            low_24h=self.low_24h * rate,
            volume=self.volume * rate,
        )


class Coins:
    """The prices of all coins."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._walk = Walk(draws)

    def price(self, coin: Coin, moment: datetime) -> float:
        """In US dollars, at the minute of `moment` (aware)."""
        at = moment.astimezone(UTC)
        path = self._path(coin, (at.date() - FIRST_DAY).days)
        return path[at.hour * 60 + at.minute] * coin.price

    def ranked(self, moment: datetime) -> list[Quote]:
        """All of them, the largest first."""
        worth = {coin: self.price(coin, moment) * coin.supply for coin in COINS}
        order = sorted(COINS, key=lambda coin: -worth[coin])
        total = sum(worth.values()) / 0.93
        return [self._quote(coin, rank, worth[coin] / total, moment) for rank, coin in enumerate(order, 1)]

    def _quote(self, coin: Coin, rank: int, share: float, moment: datetime) -> Quote:
        price = self.price(coin, moment)
        hours = [self.price(coin, moment - timedelta(hours=n)) for n in range(25)]
        day = f"{moment:%Y-%m-%d}"

        def since(**ago: int) -> float:
            return (price / self.price(coin, moment - timedelta(**ago)) - 1) * 100

        return Quote(
            coin=coin,
            rank=rank,
            price=price,
            high_24h=max(hours),
            low_24h=min(hours),
            volume=price * coin.supply * self._draws.around(_TURNOVER, 0.3, "coin", coin.symbol, day),
            change_1h=since(hours=1),
            change_24h=since(days=1),
            change_7d=since(days=7),
            change_30d=since(days=30),
            dominance=share * 100,
        )

    def _path(self, coin: Coin, day: int) -> list[float]:
        volatility = 0.0002 if coin.symbol in _PEGGED else VOLATILITY
        return self._walk.path(coin.symbol, day, MINUTES, volatility)
