"""Random walks that can be looked into at any time: from day to day, and from minute to minute within a day."""

from __future__ import annotations

from collections import OrderedDict
from math import exp
from random import Random

from pregao.sample_market.draws import Draws

PULL = 0.985
"""What is left of a distance from the middle the day after: prices stay within some 10 % of where they belong."""
PATHS_IN_MEMORY = 300


class Walk:
    """The walks of many things, each around 1: days are numbered from 0, before which everything stands at 1."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._logs: dict[str, list[float]] = {}
        self._random: dict[str, Random] = {}
        self._paths: OrderedDict[tuple[str, int, int], list[float]] = OrderedDict()

    def end_of(self, what: str, day: int, volatility: float) -> float:
        """Where `what` stands at the end of a day; `volatility` is that of one day, a fraction."""
        return exp(self._log(what, day, volatility))

    def path(self, what: str, day: int, minutes: int, volatility: float) -> list[float]:
        """The way of a day from its opening, minute 0, to its end."""
        key = (what, day, minutes)
        found = self._paths.get(key)
        if found is None:
            found = self._paths[key] = self._bridge(what, day, minutes, volatility)
            while len(self._paths) > PATHS_IN_MEMORY:
                self._paths.popitem(last=False)
        return found

    def _log(self, what: str, day: int, volatility: float) -> float:
        if day < 0:
            return 0.0
        logs = self._logs.setdefault(what, [])
        chance = self._random.setdefault(what, self._draws.of("walk", what))
        while len(logs) <= day:
            logs.append(PULL * (logs[-1] if logs else 0.0) + chance.gauss(0, volatility))
        return logs[day]

    def _bridge(self, what: str, day: int, minutes: int, volatility: float) -> list[float]:
        """A walk with both ends held: near yesterday's end, where it opens, and today's, where it has to arrive."""
        chance = self._draws.of("path", what, day)
        before, after = self._log(what, day - 1, volatility), self._log(what, day, volatility)
        opening = before + (after - before) * 0.3 + chance.gauss(0, volatility * 0.15)
        step = volatility * 0.8 / minutes**0.5
        free = [0.0]
        for _ in range(minutes):
            free.append(free[-1] + chance.gauss(0, step))
        drift = free[-1]
        return [
            exp(opening + (after - opening) * n / minutes + value - drift * n / minutes) for n, value in enumerate(free)
        ]
