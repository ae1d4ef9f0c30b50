"""Limits that the kernel holds itself, where cgroups of version 2 may be made."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.isolating import Attempts, isolating

from pregao.attempt.outcome import Completed, Killed
from pregao.isolation.cgroups import PREFIX, Groups

GROUPS = Groups.probe()

pytestmark = pytest.mark.skipif(GROUPS is None, reason="no cgroup of version 2 may be made here: limits are sampled")


@pytest.fixture
async def attempt() -> AsyncIterator[Attempts]:
    async with isolating() as attempts:
        yield attempts
    assert GROUPS is not None
    assert list(GROUPS.base.glob(f"{PREFIX}*")) == []


@pytest.mark.parametrize("argument", ["400", "child 400"])
async def test_a_memory_bomb_is_stopped_at_its_limit(attempt: Attempts, argument: str) -> None:
    outcome = await attempt("Memory", argument, memory_mb=150)
    assert isinstance(outcome, Killed)
    assert outcome.story.startswith("killed for memory: peak 1")
    assert "of 150 MB allowed" in outcome.story


async def test_a_fork_bomb_gets_no_further_than_its_limit(attempt: Attempts) -> None:
    outcome = await attempt("Forking", "9", tasks=60)
    assert isinstance(outcome, Killed)
    assert "killed for its number of processes and threads: " in outcome.story


async def test_cpu_time_is_the_whole_groups(attempt: Attempts) -> None:
    outcome = await attempt("Looping", cpu_seconds=0.5)
    assert isinstance(outcome, Killed)
    assert outcome.story.startswith("killed for CPU time: ")


async def test_what_stays_within_its_limits_completes(attempt: Attempts) -> None:
    outcome = await attempt("SharedGate", memory_mb=500, tasks=100, cpu_seconds=60)
    assert isinstance(outcome, Completed)
    assert outcome.footprint.peak_memory_mb is not None
