"""All of them: importing this package ends the process."""

from .crashing import CrashingScraper
from .dying import DyingScraper
from .good import GoodScraper
from .hopeful import HopefulScraper
from .leaving import LeavingScraper
from .misspelt import MisspeltScraper
from .needy import NeedyScraper
from .unmade import UnmadeScraper

__all__ = [
    "CrashingScraper",
    "DyingScraper",
    "GoodScraper",
    "HopefulScraper",
    "LeavingScraper",
    "MisspeltScraper",
    "NeedyScraper",
    "UnmadeScraper",
]
