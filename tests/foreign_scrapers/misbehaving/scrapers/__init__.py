"""All scrapers of the platform, each with a bad habit."""

from .background_scraper import BackgroundScraper
from .blocking_scraper import BlockingScraper
from .closing_scraper import ClosingScraper
from .crashing_scraper import CrashingScraper
from .daemon_scraper import DaemonScraper
from .deaf_child_scraper import DeafChildScraper
from .diary_scraper import DiaryScraper
from .forked_copy_scraper import ForkedCopyScraper
from .forking_scraper import ForkingScraper
from .inherited_scraper import InheritedScraper
from .initialize_scraper import InitializeScraper
from .looping_scraper import LoopingScraper
from .memory_scraper import MemoryScraper
from .odd_results_scraper import OddResultsScraper
from .page_scraper import PageScraper
from .printing_scraper import PrintingScraper
from .shared_gate_scraper import SharedGateScraper
from .surroundings_scraper import SurroundingsScraper

__all__ = [
    "BackgroundScraper",
    "BlockingScraper",
    "ClosingScraper",
    "CrashingScraper",
    "DaemonScraper",
    "DeafChildScraper",
    "DiaryScraper",
    "ForkedCopyScraper",
    "ForkingScraper",
    "InheritedScraper",
    "InitializeScraper",
    "LoopingScraper",
    "MemoryScraper",
    "OddResultsScraper",
    "PageScraper",
    "PrintingScraper",
    "SharedGateScraper",
    "SurroundingsScraper",
]
