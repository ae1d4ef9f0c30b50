"""What a scraper is: the contract's interface, and the base of our own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass


@dataclass(slots=True)
class ScraperResult:
    """What one `scrape()` gives. `timestamp` is aware UTC, `response_time` is in seconds."""

    success: bool
    data: Any = None
    error: str | None = None
    source: str = ""
    timestamp: datetime | None = None
    response_time: float = 0.0
    metadata: dict[str, Any] = field(default_factory=dict)


class Scraper(Protocol):
    """The contract's interface: `initialize()`, then `scrape()`, and `cleanup()` always, even after a failure.

    A failure is a ScrapeError with its class, or a result with `success=False`; other exceptions count as bugs.
    """

    @property
    def name(self) -> str:
        """The canonical name, as shown and stored."""

    async def initialize(self) -> None:
        """Get ready; may raise."""

    async def scrape(self, ticker: str | None) -> Any:
        """Fetch the data of one argument, given in the caller's own case and length."""

    async def cleanup(self) -> None:
        """Give back what `initialize` took."""


class ScraperSettings(Protocol):
    """What scrapers read from the settings."""

    @property
    def home(self) -> Path:
        """The data directory; what scrapers keep is in `cache/` below it."""

    @property
    def extra_scrapers(self) -> tuple[str, ...]:
        """The user's own scrapers, each as `module:Class`."""

    def upstream(self, name: str, default: str) -> str:
        """Scheme and host to use for the source `name` in place of `default`."""

    def user_agent(self, name: str, default: str) -> str:
        """The User-Agent for the source `name`, if the user gave one, in place of `default`."""

    def secret(self, name: str) -> str | None:
        """The key or token in the variable `name`, None when it is not set; never to be logged or put into an error."""


class NotConfigured(ScrapeError):
    """A scraper cannot run: keys that it needs are not set."""

    def __init__(self, *missing: str) -> None:
        """`missing` are the variables to set."""
        super().__init__(f"not configured: set {' and '.join(missing)}", FailureClass.LOGIN)


@dataclass(frozen=True, slots=True)
class Collected:
    """Data that a scraper found (flat, JSON types), and remarks on how it was found."""

    data: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)


class BaseScraper(ABC):
    """Base of the scrapers that come with Pregão: subclasses name themselves and implement `collect`.

    `needs` are the secrets without which it can do nothing; its schedules do not fire while one of them is not set.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    canary: ClassVar[str | None] = None
    """An argument that is known to have data, for `pregao scrapers check`."""

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock: Clock = clock or SystemClock()

    async def initialize(self) -> None:  # noqa: B027 - nothing to do is right for most
        """Nothing to get ready: HTTP clients are shared and opened when first used."""

    async def cleanup(self) -> None:  # noqa: B027 - nothing to do is right for most
        """Nothing to give back: shared clients are closed with their event loop, by `http.aclose_clients`."""

    async def scrape(self, ticker: str | None) -> ScraperResult:
        """Fetch one argument. Raises ScrapeError with the failure's class."""
        started = self._clock.monotonic()
        collected = await self.collect(ticker)
        return ScraperResult(
            success=True,
            data=collected.data,
            source=self.source,
            timestamp=self._clock.now(),
            response_time=self._clock.monotonic() - started,
            metadata=collected.metadata,
        )

    @abstractmethod
    async def collect(self, argument: str | None) -> Collected:
        """Find the data of one argument. Raises ScrapeError."""
