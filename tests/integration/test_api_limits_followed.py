"""The API follows the file of limits by itself, also when nobody asks it anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from loguru import logger
from tests.api_service import serving
from tests.builders import eventually
from tests.limiting import written

from pregao.api.app import create_app
from pregao.api.door import Door, behind
from pregao.api.scrapers import routes
from pregao.settings import Settings

SOUND = "scrapers: {B3: {timeout_seconds: 20}}"


@pytest.fixture
def log() -> Iterator[list[str]]:
    told: list[str] = []
    sink = logger.add(told.append, level="INFO", format="{message}")
    yield told
    logger.remove(sink)


async def told(log: list[str], text: str) -> None:
    async def lines() -> list[str]:
        return [line for line in log if text in line]

    await eventually(lines, what=f"a line with {text!r}")


async def test_edits_are_taken_over_and_told_while_nobody_asks(
    settings: Settings, tmp_path: Path, log: list[str]
) -> None:
    written(tmp_path, SOUND)
    async with serving(create_app(settings)) as client:
        written(tmp_path, "scrapers: {B3: {timeout_seconds: 250}, BCB: {timeout_seconds: 30}}")
        await told(log, "limits of 2 scrapers")
        written(tmp_path, "scrapers: [")
        await told(log, "is broken: what was loaded before stays in force")
        shown = (await client.get("/api/scrapers/B3")).json()
        assert shown["limits"]["timeout_seconds"]["value"] == 250
        assert shown["file_in_force"].endswith("what was read before is in force")


async def test_so_does_a_router_in_an_application_that_runs_no_lifespan(
    settings: Settings, tmp_path: Path, log: list[str]
) -> None:
    written(tmp_path, SOUND)
    door = Door(settings)
    app = FastAPI()
    app.include_router(behind(door, routes))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pregao.test") as client:
        assert (await client.get("/api/scrapers/B3")).status_code == 200
        written(tmp_path, "scrapers: {B3: {timeout_seconds: 250}, BCB: {timeout_seconds: 30}}")
        await told(log, "limits of 2 scrapers")
    await door.aclose()
