"""The platform's base class: scrapers name themselves through the constructor."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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
    def __init__(self, name: str, source: str, requires_login: bool = False) -> None:
        self.name = name
        self.source = source
        self.requires_login = requires_login
        self.headless = settings.headless
        self.driver: Any = None

    async def initialize(self) -> None:
        logger.info("%s is ready", self.name)

    @abstractmethod
    async def scrape(self, ticker: str) -> ScraperResult:
        """Scrape one ticker."""

    async def cleanup(self) -> None:
        if self.driver is not None:
            self.driver.quit()

    async def scrape_with_retry(self, ticker: str, attempts: int = 3) -> ScraperResult:
        for attempt in range(attempts):
            try:
                return await self.scrape(ticker)
            except Exception:
                await asyncio.sleep(2**attempt)
        raise RuntimeError(f"{self.name} failed {attempts} times")

    def found(self, data: Any, **metadata: Any) -> ScraperResult:
        return ScraperResult(
            success=True, data=data, source=self.source, response_time=time.time() % 1, metadata=metadata
        )
