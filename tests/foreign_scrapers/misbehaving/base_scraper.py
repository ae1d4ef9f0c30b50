"""The platform's base class: every scraper that does not say otherwise starts a browser when it gets ready."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from browser import Browser
from config import settings

logger = logging.getLogger(__name__)


@dataclass
class ScraperResult:
    success: bool
    data: Any = None
    error: str | None = None
    source: str = ""
    timestamp: datetime = field(default_factory=datetime.now)
    response_time: float = 0.0
    metadata: dict[str, Any] = field(default_factory=dict)


class BaseScraper(ABC):
    name = ""
    source = "MISBEHAVING"

    def __init__(self) -> None:
        self.browser: Browser | None = None
        self.started_at = datetime.now()

    async def initialize(self) -> None:
        logger.info("%s starts its browser", self.name)
        self.browser = Browser(settings.chromium)
        await self.browser.start()

    @abstractmethod
    async def scrape(self, argument: str) -> ScraperResult:
        """Scrape one argument."""

    async def cleanup(self) -> None:
        if self.browser is not None:
            await self.browser.stop()

    async def title_of(self, address: str) -> str:
        assert self.browser is not None, "there is no browser"
        return await self.browser.title_of(address)

    def found(self, data: Any, **metadata: Any) -> ScraperResult:
        return ScraperResult(success=True, data=data, source=self.source, metadata=metadata)


class PlainScraper(BaseScraper):
    """For those that need no browser, and say so."""

    async def initialize(self) -> None:
        """Nothing to get ready."""
