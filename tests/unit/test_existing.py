"""An existing scraper behind our interface: how often its signature is read, and whose."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from pregao.scrapers.existing import ExistingScraper, argument_of


class Takes:
    name = "Takes"

    async def initialize(self) -> None: ...

    async def scrape(self, ticker: str | None = "default") -> Any:
        return ticker

    async def cleanup(self) -> None: ...


class TakesNone(Takes):
    async def scrape(self) -> Any:  # type: ignore[override]
        return "nothing"


def test_a_signature_is_read_once_for_all_instances_of_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fresh(Takes):
        async def scrape(self, ticker: str | None = None) -> Any: ...

    read: list[object] = []
    monkeypatch.setattr(inspect, "signature", lambda call, real=inspect.signature: read.append(call) or real(call))

    first, second = argument_of(Fresh()), argument_of(Fresh())

    assert len(read) == 1
    assert first is second


async def test_a_subclass_has_its_own_signature() -> None:
    assert await ExistingScraper(Takes()).scrape("PETR4") == "PETR4"
    assert await ExistingScraper(TakesNone()).scrape("PETR4") == "nothing"
    assert await ExistingScraper(Takes()).scrape(None) == "default"


async def test_an_instance_may_bring_its_own_scrape() -> None:
    plain, special = Takes(), Takes()
    special.scrape = lambda: "mine"  # type: ignore[method-assign, assignment]

    assert await ExistingScraper(plain).scrape("PETR4") == "PETR4"
    assert await ExistingScraper(special).scrape("PETR4") == "mine"
