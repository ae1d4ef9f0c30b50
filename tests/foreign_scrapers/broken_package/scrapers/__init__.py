"""Sets things up before it imports, and fails at it."""

import os

from .good import GoodScraper

DATABASE = os.environ["A_VARIABLE_THAT_NOBODY_SETS"]

__all__ = ["DATABASE", "GoodScraper"]
