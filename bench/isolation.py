"""What a process of its own costs a job: `python -m bench.isolation [JOBS]`, without a queue.

Times are from the start of an attempt to the end of its last process, for a scraper that does nothing: what is left is
overhead. `chrt -f 10` in front keeps the rest of a busy machine out of it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from pregao.attempt.outcome import Completed
from pregao.isolation.host import Isolation
from pregao.isolation.messages import Limits, Target
from pregao.isolation.terms import Terms

SCRAPER = """
class NothingScraper:
    name = "Nothing"
    async def initialize(self): pass
    async def scrape(self, ticker):
        return {"success": True, "data": {"ticker": ticker}, "error": None}
    async def cleanup(self): pass
"""
JOBS = 200
GAP_SECONDS = 0.02
SLOTS = 3
LIMITS = Limits(memory_mb=1024, tasks=1024)


async def measure(directory: Path, jobs: int) -> list[tuple[str, list[float]]]:
    """Milliseconds an attempt took, one after another with and without a pause, and three at a time."""
    target = Target(str(directory), "nothing_scraper", "NothingScraper")
    async with Isolation({"PATH": os.environ["PATH"]}, lambda _: [target]) as isolation:
        loop = asyncio.get_running_loop()

        async def attempt() -> float:
            began = time.perf_counter()
            outcome = await isolation.run(
                target,
                "PETR4",
                token="1-1",
                terms=Terms(timeout_seconds=60, limits=LIMITS),
                stop=loop.create_future(),
            )
            assert isinstance(outcome, Completed), outcome
            return (time.perf_counter() - began) * 1000

        await attempt()
        spaced = []
        for _ in range(jobs):
            spaced.append(await attempt())
            await asyncio.sleep(GAP_SECONDS)
        began = time.perf_counter()
        serial = [await attempt() for _ in range(jobs)]
        serial_ms = (time.perf_counter() - began) * 1000 / jobs
        began = time.perf_counter()
        for _ in range(jobs // SLOTS):
            await asyncio.gather(*(attempt() for _ in range(SLOTS)))
        together_ms = (time.perf_counter() - began) * 1000 / (jobs // SLOTS * SLOTS)
    return [
        (f"one every {GAP_SECONDS * 1000:.0f} ms", spaced),
        (f"one after another ({serial_ms:.2f} ms a job)", serial),
        (f"{SLOTS} slots, a job", [together_ms]),
    ]


def fresh_interpreters(jobs: int) -> list[float]:
    """Milliseconds that an interpreter with the same imports takes to start and end, for comparison."""
    times = []
    for _ in range(jobs):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import pregao.isolation.zygote"], check=True)
        times.append((time.perf_counter() - began) * 1000)
    return times


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "nothing_scraper.py").write_text(SCRAPER)
        rows = asyncio.run(measure(directory, jobs))
    rows.append(("a fresh interpreter", fresh_interpreters(max(5, jobs // 20))))
    for what, times in rows:
        times.sort()
        print(f"{what:40} p50 {median(times):7.2f} ms   p95 {times[int(len(times) * 0.95)]:7.2f} ms")


if __name__ == "__main__":
    main()
