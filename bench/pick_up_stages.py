"""Where the time of a pick-up goes: `python -m bench.pick_up_stages`, in microseconds, medians of 300 jobs.

The same placement as the pick-up scenario. The stamps are taken around the two calls of `Wire`, in the producer's and
in the worker's process; both read one monotonic clock. The server's own part is what its SLOWLOG says of the scripts.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from statistics import median
from typing import Any, NoReturn

import uvloop
from loguru import logger

from bench.contestants.pregao import Pregao
from bench.driver import GAP_SECONDS, no_job
from bench.engines import SERVER_CORE, WORKER_CORE, Engines, on_cores, running_engines
from bench.processes import ROOT, environment
from pregao.queue.line import Wire
from pregao.queue.scripts import hash_of

JOBS, WARM_UP = 300, 30


def main() -> None:
    """Measure, and print a table."""
    if sys.argv[1:2] == ["send"]:
        asyncio.run(_send(sys.argv[2]))
    elif sys.argv[1:2] == ["work"]:
        asyncio.run(_work(sys.argv[2]))
    else:
        with running_engines() as engines:
            _measure(engines)


def _measure(engines: Engines) -> None:
    engines.empty()
    engines.redis.config_set("slowlog-log-slower-than", 0)
    with on_cores(WORKER_CORE):
        worker = _start("work", engines.url)
    assert worker.stdout is not None
    worker.stdout.readline()
    engines.redis.slowlog_reset()
    with on_cores(SERVER_CORE):
        sender = _start("send", engines.url)
    sent, worked = json.loads(sender.communicate()[0]), json.loads(worker.communicate()[0])
    stages = [
        ("push, until the call is written", [s["written"] - s["called"] for s in sent]),
        (
            "the call, until the worker has the claim",
            [w["read"] - s["written"] for s, w in zip(sent, worked, strict=True)],
        ),
        ("from the claim to the job's first line", [w["ran"] - w["read"] for w in worked]),
        ("all of it", [w["ran"] - s["called"] for s, w in zip(sent, worked, strict=True)]),
    ]
    for name, nanoseconds in stages:
        print(f"{name:45} {median(nanoseconds) / 1e3:6.0f} µs")
    for script in ("enqueue", "claim"):
        print(f"{'  of it ' + script + '.lua in the server':45} {_script_us(engines, script):6.0f} µs")


def _script_us(engines: Engines, script: Any) -> float:
    wanted = hash_of(script).encode()
    entries = engines.redis.slowlog_get(10_000)
    return float(median(entry["duration"] for entry in entries if wanted in entry["command"]))


def _start(role: str, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.pick_up_stages", role, url]
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)


async def _send(url: str) -> None:
    who, stamps = Pregao(), list[dict[str, int]]()
    await who.open(url, no_job, 1)
    _stamp("send", lambda now: stamps[-1].setdefault("written", now) if stamps else None)
    for _ in range(JOBS + WARM_UP):
        stamps.append({"called": time.monotonic_ns()})
        await who.enqueue_one(stamps[-1]["called"])
        await asyncio.sleep(random.uniform(*GAP_SECONDS))
    _finish(stamps)


async def _work(url: str) -> None:
    who, stamps, read = Pregao(), list[dict[str, int]](), [0]

    async def job(_sent_ns: int) -> None:
        stamps.append({"read": read[0], "ran": time.monotonic_ns()})
        if len(stamps) == JOBS + WARM_UP:
            _finish(stamps)

    _stamp("data_received", lambda now: read.__setitem__(0, now))
    await who.open(url, job, who.slots)
    async with asyncio.TaskGroup() as group:
        group.create_task(who.work())
        await asyncio.sleep(1.0)
        print("ready", flush=True)


def _stamp(method: str, keep: Any) -> None:
    """Have every call of a method of `Wire` tell when it was made."""
    real = getattr(Wire, method)

    def stamped(wire: Wire, *arguments: Any) -> Any:
        keep(time.monotonic_ns())
        return real(wire, *arguments)

    setattr(Wire, method, stamped)


def _finish(stamps: list[dict[str, int]]) -> NoReturn:
    print(json.dumps(stamps[WARM_UP:]), flush=True)
    os._exit(0)


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    uvloop.install()
    main()
