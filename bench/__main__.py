"""`python -m bench`: run the suite, print the table, keep the figures as JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import math
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from bench import processes, proof_page
from bench.contestant import PEERS, PREGAO
from bench.engines import CORES, SERVER_CORE, WORKER_CORE, Engines, running_engines
from bench.environments import python_of
from bench.session import Session
from bench.table import Goal, Outcome, as_markdown, print_table

SCENARIOS = (
    "drain", "recorded", "enqueue_bulk", "enqueue_single", "pick_up", "waiting_jobs", "depth", "memory",
    "memory_growth", "idle", "visibility", "scripts",
)  # fmt: skip
QUICK_SHARE = 0.02
REPEATS = 3
FIGURES = proof_page.PAGE.with_name("proof-speed.json")


def run_scenarios(session: Session, names: Sequence[str], console: Console) -> list[Outcome]:
    """Each in turn, in the order of `SCENARIOS`; one that breaks misses its goals, and the others are measured."""
    outcomes: list[Outcome] = []
    for name in (name for name in SCENARIOS if name in names):
        began = time.monotonic()
        for outcome in _measure(session, name):
            outcome.seconds = round(time.monotonic() - began, 1)
            outcomes.append(outcome)
            told = "; ".join(str(goal) for goal in outcome.goals)
            console.print(f"{outcome.scenario}: {outcome.seconds:g} s; {told}", markup=False)
    return outcomes


def _measure(session: Session, name: str) -> list[Outcome]:
    try:
        measured = importlib.import_module(f"bench.scenarios.{name}").measure(session)
    except Exception as error:  # noqa: BLE001 - the table says so, and the run ends as one that missed a goal
        traceback.print_exc()
        failed = Outcome(name, "", failed={PREGAO: f"{type(error).__name__}: {error}"})
        failed.goals = [Goal(name, math.nan, 0)]
        return [failed]
    outcomes = measured if isinstance(measured, list) else [measured]
    for outcome in outcomes:
        # What a peer that did not run would have come to is not known: no goal is met without it.
        outcome.goals += [Goal(f"{who} failed", math.nan, 0) for who in outcome.failed]
    return outcomes


def machine(engines: Engines, contestants: Sequence[str]) -> dict[str, Any]:
    """Where and with what this run was made."""
    stated = {who: processes.run(engines, who, "describe", cores=CORES) for who in contestants}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),  # noqa: TID251 - when the run was made
        "commit": proof_page.commit(),
        "machine": proof_page.machine(),
        "load_before": psutil.getloadavg()[0],
        "server": f"{engines.version()}, append-only file, fsync every second, no rewrite of it, core {SERVER_CORE}",
        "worker": f"one process, core {WORKER_CORE}, uvloop, logging at WARNING",
        "contestants": stated,
    }


def main() -> int:
    """The exit code: 0 when every goal is met, 1 otherwise."""
    options = _options().parse_args()
    console = Console(width=120)
    contestants = [PREGAO, *(() if options.no_peers else options.peers)]
    for who in contestants:
        python_of(who)
    with running_engines() as engines:
        facts = machine(engines, contestants)
        session = Session(engines, contestants[1:], options.repeats, QUICK_SHARE if options.quick else 1.0)
        outcomes = run_scenarios(session, options.only or SCENARIOS, console)
    print_table(outcomes, console)
    for line in told(facts):
        console.print(line)
    missed = [goal for outcome in outcomes for goal in outcome.goals if not goal.met]
    verdict = f"{len(missed)} goals missed" if missed else "every goal is met"
    console.print(verdict)
    keep(options, facts, outcomes, verdict)
    return 1 if missed else 0


def keep(options: argparse.Namespace, facts: dict[str, Any], outcomes: Sequence[Outcome], verdict: str) -> None:
    """Write the figures where they were asked for, and those of a whole run onto the page of proofs."""
    wanted = proof_page.is_wanted(whole=is_whole(options))
    document = {**facts, "outcomes": [outcome.as_json() for outcome in outcomes]}
    for path in filter(None, (options.json, FIGURES if wanted else None)):
        path.write_text(json.dumps(document, indent=1) + "\n")
    if wanted:
        jobs = f"{QUICK_SHARE:.0%} of them, a smoke run" if options.quick else "all of them"
        lines = "\n".join(f"- {line}" for line in (*told(facts), f"jobs: {jobs}", verdict))
        proof_page.replace_section("speed", f"{lines}\n\n{as_markdown(outcomes)}")


def is_whole(options: argparse.Namespace) -> bool:
    """Whether the run was the real thing: every scenario and every peer, with all jobs and repetitions."""
    reduced = options.quick or options.only or options.no_peers or options.repeats < REPEATS
    return not reduced and set(options.peers) == set(PEERS)


def told(facts: dict[str, Any]) -> list[str]:
    """The facts of a run, one line each."""
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in facts.items() if name != "contestants"]
    for who, stated in facts["contestants"].items():
        versions = ", ".join(f"{name} {version}" for name, version in stated["versions"].items())
        lines.append(f"{who}: {versions}; {stated['settings']}")
    return lines


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Proof of speed, with peers beside us.")
    parser.add_argument("--quick", action="store_true", help="2 %% of the jobs: does it run at all?")
    parser.add_argument("--no-peers", action="store_true", help="Pregão alone; nothing is installed")
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, help="some scenarios")
    parser.add_argument(
        "--repeats", type=int, default=REPEATS, help="runs of each contestant, of which the median counts"
    )
    parser.add_argument("--json", type=Path, help="where to keep the figures as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
