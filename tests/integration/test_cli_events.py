"""`pregao events` against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis.asyncio as redis_asyncio
from tests.builders import spec

from pregao.queue.commands import QueueCommands
from pregao.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


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
