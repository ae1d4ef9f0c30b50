"""A base class whose module starts a thread when it is loaded, as a log that writes in the background does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

threading.Thread(target=threading.Event().wait, name="writer", daemon=True).start()


@dataclass
class ScraperResult:
    success: bool
    data: Any = None
    error: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class BaseScraper:
    async def initialize(self) -> None:
        """Nothing to get ready."""

    async def cleanup(self) -> None:
        """Nothing to give back."""
