"""Scrapers against a recorded upstream, for tests: settings that point to it, clocks of the market, what came back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.upstream import Upstream

from pregao.domain.clock import MARKET_ZONE, ManualClock
from pregao.domain.errors import ScrapeError
from pregao.scrapers.base import BaseScraper, ScraperResult
from pregao.settings import Settings


def pointed_to(upstream: Upstream, home: Path, *sources: str, **environ: str) -> Settings:
    """Settings with the addresses of `sources` replaced by the upstream's, and whatever else `environ` sets."""
    replaced = {f"PREGAO_UPSTREAM_{source}": upstream.url for source in sources}
    return Settings.load(None, environ={**replaced, **environ}, pregao_home=home)


def at(local: str) -> ManualClock:
    """A clock that stands still at a local time of São Paulo, ISO 8601."""
    return ManualClock(datetime.fromisoformat(local).replace(tzinfo=MARKET_ZONE))


async def result_of(scraper: BaseScraper, argument: str | None) -> ScraperResult:
    """What one run gives, which has to be a success."""
    await scraper.initialize()
    try:
        result = await scraper.scrape(argument)
    finally:
        await scraper.cleanup()
    assert result.success
    assert result.error is None
    return result


async def data_of(scraper: BaseScraper, argument: str | None) -> dict[str, Any]:
    """The data of one run."""
    data: dict[str, Any] = (await result_of(scraper, argument)).data
    return data


async def failure_of(scraper: BaseScraper, argument: str | None) -> ScrapeError:
    """The failure of one run, which has to be one."""
    with pytest.raises(ScrapeError) as caught:
        await scraper.scrape(argument)
    return caught.value
