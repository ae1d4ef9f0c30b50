"""What a worker costs that has nothing to do: commands a second, and its share of a core; its recorder beside it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack

import psutil

from bench.engines import WORKER_CORE, on_cores
from bench.processes import LIMIT_SECONDS, ROOT, environment
from bench.session import Session
from bench.table import Goal, Outcome

WARM_UP_SECONDS, SECONDS = 5.0, 20.0
WORKER, RECORDER = "pregao worker", "pregao recorder"


def measure(session: Session) -> list[Outcome]:
    """`pregao worker` as it ships, over twenty seconds."""
    commands, cpu = Outcome("idle worker, commands", "a second"), Outcome("idle worker, CPU", "% of a core")
    engines = session.engines
    engines.empty()
    engines.empty_database()
    variables = {"REDIS_URL": engines.url, "DATABASE_URL": engines.database_url, "LOG_LEVEL": "WARNING"}
    with ExitStack() as stack, on_cores(WORKER_CORE):
        worker = subprocess.Popen(
            [sys.executable, "-m", "pregao", "worker"], cwd=ROOT, env={**environment(), **variables}
        )
        stack.callback(worker.wait, LIMIT_SECONDS)
        stack.callback(worker.terminate)
        time.sleep(max(2.0, WARM_UP_SECONDS * session.share))
        process = psutil.Process(worker.pid)
        processes = {WORKER: process, RECORDER: process.children(recursive=True)[0]}
        seconds = max(2.0, SECONDS * session.share)
        before_cpu = _cpu_seconds(processes)
        commands.add("worker and recorder", _commands(session, seconds) / seconds)
        for name, spent in _cpu_seconds(processes).items():
            cpu.add(name, (spent - before_cpu[name]) / seconds * 100)
    session.note_scripts()
    commands.goals = [Goal("commands a second", commands.figure("worker and recorder"), 3, at_least=False)]
    cpu.goals = [Goal("% of a core", cpu.figure(WORKER), 0.5, at_least=False)]
    return [commands, cpu]


def _cpu_seconds(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}


def _commands(session: Session, seconds: float) -> int:
    """Commands that clients send in that time, without what scripts call inside, which CLIENT LIST counts too."""
    sent, until = 0, time.monotonic() + seconds
    with session.engines.redis.monitor() as monitor:
        # Something comes every second at least: the tick.
        while time.monotonic() < until:
            sent += monitor.next_command()["client_type"] != "lua"
    return sent
