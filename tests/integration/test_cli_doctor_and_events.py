"""`pregao doctor` and `pregao events` against real engines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis.asyncio as redis_asyncio
from tests.builders import spec

from pregao.doctor import examine
from pregao.queue.commands import QueueCommands
from pregao.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


async def found(settings: Settings) -> dict[str, list[tuple[str, str]]]:
    findings: dict[str, list[tuple[str, str]]] = {}
    for finding in await examine(settings):
        assert finding.detail
        assert (finding.state == "ok") == (finding.cure == ""), "what is wrong comes with what to do"
        findings.setdefault(finding.subject, []).append((finding.state, finding.detail))
    return findings


async def test_a_sound_system_is_called_sound(settings: Settings) -> None:
    sound = settings.model_copy(update={"schedules_path": ROOT / "config" / "scraper_schedules.yaml"})
    findings = await found(sound)
    for subject in ("Redis", "PostgreSQL", "migrations", "scrapers", "schedules"):
        assert [state for state, _ in findings[subject]] == ["ok"], findings[subject]
    assert len(findings["clock"]) == 2
    assert findings["workers"] == [("warning", "none is alive")]


async def test_everything_that_is_wrong_is_found_at_once(
    settings: Settings, redis: redis_asyncio.Redis, empty_database_url: str
) -> None:
    await redis.delete("scraper:generation")
    await redis.lpush("scraper:orphans", "x")  # type: ignore[misc]
    await redis.xadd("scraper:outbox:dead", {"error": "refused"})
    changed = {
        "database_url": empty_database_url,
        "extra_scrapers": ("nowhere:Nothing",),
        "schedules_path": Path("nowhere.yaml"),
    }
    findings = await found(settings.model_copy(update=changed))
    assert findings["queue"][0][0] == "error"
    assert "1 ids were pushed" in findings["leftovers"][0][1]
    assert "refused 1 facts" in findings["recorder"][0][1]
    assert findings["migrations"][0][0] == "error"
    assert "error" in [state for state, _ in findings["scrapers"]]
    assert findings["schedules"][0][0] == "error"


async def test_a_key_that_a_scraper_lacks_is_a_warning_that_names_it(settings: Settings) -> None:
    findings = await found(settings.model_copy(update={"extra_scrapers": ("tests.sample_scrapers:Keyed",)}))
    assert ("warning", "Keyed is not configured: set SAMPLE_API_KEY") in findings["keys"]


async def test_servers_that_are_away_are_errors_and_not_a_crash(settings: Settings) -> None:
    gone = {"redis_url": "redis://127.0.0.1:1", "database_url": "postgresql://postgres@127.0.0.1:1/x"}
    findings = await found(settings.model_copy(update=gone))
    assert findings["Redis"][0][0] == findings["PostgreSQL"][0][0] == "error"


@pytest.mark.parametrize("as_json", [True, False])
async def test_events_are_followed_live(settings: Settings, redis: redis_asyncio.Redis, as_json: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pregao", "events", "--count", "1", *(["--json"] if as_json else [])],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "REDIS_URL": str(settings.redis_url)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "listening" in process.stderr.readline()
    job = spec("B3", "PETR4")
    await QueueCommands(redis).enqueue([job])
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    if as_json:
        assert json.loads(out)["job_id"] == job.id
    else:
        assert "job_created" in out
        assert job.id in out
