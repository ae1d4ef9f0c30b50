"""The long runs: `make chaos` asks for them, a plain `pytest` passes them by.

Everything random comes from CHAOS_SEED, which each run prints; CHAOS_SCALE shrinks jobs and faults (0.1 is a smoke
run). A file that is named on the command line runs without either.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bench import proof_page
from tests.chaos.long.report import Entry, Report
from tests.chaos.long.system import System

from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey

collect_ignore_glob = [] if "CHAOS_SEED" in os.environ else ["test_*.py"]

REPORT = Report(
    seed=int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6)),
    scale=float(os.environ.get("CHAOS_SCALE") or "1"),
)
HERE = Path(__file__).parent
_SCENARIOS: list[Path] = []


def pytest_report_header() -> str:
    return f"chaos: CHAOS_SEED={REPORT.seed} CHAOS_SCALE={REPORT.scale:g}"


def pytest_collection_finish(session: pytest.Session) -> None:
    _SCENARIOS.extend(item.path for item in session.items if item.path.parent == HERE)
    if _SCENARIOS:
        # The processes of a run are tied to it and die in any case; this way its files go, and its page is printed. A
        # shell starts what runs in the background with SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The randomness of this scenario: the same for the same seed, whichever others run."""
    return random.Random(f"{REPORT.seed} {request.node.name}")


@pytest.fixture
def entry(request: pytest.FixtureRequest) -> Entry:
    """This scenario's line in the report."""
    entry = Entry(request.node.name.removeprefix("test_").replace("_", " "))
    REPORT.entries.append(entry)
    return entry


@pytest.fixture
async def system(
    valkey_server: Valkey, postgres_server: Postgres, tmp_path: Path, chance: random.Random, entry: Entry
) -> AsyncIterator[System]:
    """Engines of its own, no process yet; at the end nothing of it is left."""
    began = time.monotonic()
    system = System(valkey_server, postgres_server, tmp_path / "fleet", chance, entry, REPORT.scale)
    try:
        await system.open()
        REPORT.engines = await system.versions()
        yield system
    finally:
        await system.close()
        entry.seconds = time.monotonic() - began


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    entry = getattr(item, "funcargs", {}).get("entry")
    if entry is not None and report.when == "call":
        entry.passed = report.passed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    if not REPORT.entries:
        return
    ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and len(REPORT.entries) == len(_SCENARIOS)
    nothing_left_out = not terminalreporter.stats.get("deselected") and set(_SCENARIOS) == set(HERE.glob("test_*.py"))
    REPORT.has_all_scenarios = ended and nothing_left_out
    terminalreporter.section("proof of survival")
    terminalreporter.write_line(REPORT.page())
    if proof_page.is_wanted(whole=REPORT.has_all_scenarios and REPORT.scale >= 1):
        proof_page.replace_section("survival", REPORT.page())
        terminalreporter.write_line(f"\nkept in {proof_page.PAGE.relative_to(proof_page.ROOT)}")
    if kept := os.environ.get("CHAOS_REPORT"):
        REPORT.save(Path(kept))
        Path(kept).with_suffix(".md").write_text(REPORT.page() + "\n")
