"""All scrapers of the platform."""

from .bloomberg_scraper import BloombergScraper
from .fundamentus_scraper import FundamentusScraper
from .google_news_scraper import GoogleNewsScraper
from .infomoney_scraper import QuotesScraper
from .investing_scraper import InvestingScraper
from .limited_scraper import LimitedScraper
from .macro_scraper import MacroScraper
from .opcoes_scraper import OpcoesNetScraper
from .phrases_scraper import PhrasesScraper
from .status_invest_scraper import StatusInvestScraper
from .surroundings_scraper import SurroundingsScraper
from .talkative_scraper import TalkativeScraper
from .valor_scraper import ValorScraper

__all__ = [
    "BloombergScraper",
    "FundamentusScraper",
    "GoogleNewsScraper",
    "InvestingScraper",
    "LimitedScraper",
    "MacroScraper",
    "OpcoesNetScraper",
    "PhrasesScraper",
    "QuotesScraper",
    "StatusInvestScraper",
    "SurroundingsScraper",
    "TalkativeScraper",
    "ValorScraper",
]
