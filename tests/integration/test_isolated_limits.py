"""What an isolated attempt may take: memory, CPU time, processes, over its whole tree; and how much it may print."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from tests.isolating import Attempts, isolating, ours

from pregao.attempt.outcome import Completed, Killed
from pregao.isolation.logs import HEAD_BYTES, TAIL_BYTES


@pytest.fixture
async def attempt() -> AsyncIterator[Attempts]:
    async with isolating() as attempts:
        yield attempts


@pytest.mark.parametrize(
    ("argument", "culprit"), [("400", "MemoryScraper"), ("child 400", "python")], ids=["itself", "its child"]
)
async def test_a_memory_bomb_is_killed_with_limit_peak_and_the_largest_processes(
    attempt: Attempts, argument: str, culprit: str
) -> None:
    outcome = await attempt("Memory", argument, memory_mb=150)
    assert isinstance(outcome, Killed)
    told = re.fullmatch(r"killed for memory: peak (\d+) MB of 150 MB allowed; (\w+) (\d+) MB.*", outcome.story)
    assert told, outcome.story
    assert told[2] == culprit
    assert 150 < int(told[1]) <= 600
    assert outcome.footprint.peak_memory_mb is not None
    assert outcome.footprint.peak_memory_mb > int(told[1]) - 1
    assert outcome.footprint.exit_signal == "SIGKILL"
    assert [name for _, name in ours() if name in ("MemoryScraper", "python")] == []


async def test_memory_below_the_limit_is_recorded_and_nothing_else(attempt: Attempts) -> None:
    outcome = await attempt("SharedGate", memory_mb=500)
    assert isinstance(outcome, Completed)
    assert outcome.footprint.peak_memory_mb is not None


async def test_cpu_time_above_the_limit_is_killed_with_the_figures(attempt: Attempts) -> None:
    outcome = await attempt("Looping", cpu_seconds=0.5)
    assert isinstance(outcome, Killed)
    told = re.match(r"killed for CPU time: ([\d.]+) s of 0.5 s allowed; LoopingScraper [\d.]+ s", outcome.story)
    assert told, outcome.story
    assert outcome.footprint.cpu_seconds is not None
    assert outcome.footprint.cpu_seconds > 0.5 <= float(told[1])


async def test_a_fork_bomb_is_killed_at_its_limit_of_processes(attempt: Attempts) -> None:
    outcome = await attempt("Forking", "9", tasks=60)
    assert isinstance(outcome, Killed)
    assert re.match(
        r"killed for its number of processes and threads: \d+ of 60 allowed; \d+ ForkingScraper", outcome.story
    )
    assert [name for _, name in ours() if name == "ForkingScraper"] == []


async def test_a_limit_ends_one_attempt_and_no_other(attempt: Attempts) -> None:
    assert isinstance(await attempt("Memory", "400", memory_mb=150), Killed)
    assert await attempt.data("SharedGate") == {"passed": 3}


async def test_whatever_prints_is_in_the_log_in_its_order(attempt: Attempts) -> None:
    outcome = await attempt("Printing", "0")
    logs = outcome.footprint.logs or ""
    said = ["printed first", "logged", "logged by loguru", "said by a child", "said by C", "printed last"]
    places = [logs.index(f"{what}\n") for what in said]
    assert places == sorted(places)
    assert "WARNING platform: logged" in logs


async def test_megabytes_that_are_printed_keep_their_beginning_and_their_end(attempt: Attempts) -> None:
    outcome = await attempt("Printing", "8")
    assert isinstance(outcome, Completed)
    logs = outcome.footprint.logs or ""
    assert logs.startswith("printed first\n")
    assert logs.endswith("printed last\n")
    assert 8_000_000 < int(re.findall(r"\[… (\d+) bytes left out of \d+ …\]", logs)[0]) < 9_000_000
    assert len(logs.encode()) < HEAD_BYTES + TAIL_BYTES + 200
