"""Chance that can be repeated: the same seed and the same words give the same draws, on every machine."""

from __future__ import annotations

from math import exp
from random import Random


class Draws:
    """The source of everything that is made up."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def of(self, *words: object) -> Random:
        """A generator of its own for what `words` name."""
        return Random("/".join(str(word) for word in (self.seed, *words)))

    def between(self, low: float, high: float, *words: object) -> float:
        """One number, as likely anywhere from `low` to `high`."""
        return self.of(*words).uniform(low, high)

    def around(self, middle: float, spread: float, *words: object) -> float:
        """One positive number: `middle` times a factor that two times of three lies within a spread of 1."""
        return middle * exp(self.of(*words).gauss(0, spread))
