"""Whether a worker grows: its memory after the 1,000th and after the 10,000th job of all our scrapers, over real HTTP.

The sources are the sample market, without latency and faults; the worker is `pregao worker`,
without limits.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import psutil

from bench.engines import WORKER_CORE, Engines, on_cores
from bench.processes import LIMIT_SECONDS, ROOT, environment
from bench.session import Session
from bench.table import Goal, Outcome
from pregao.domain.job import JobPriority, JobSpec
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.keys import Keys
from pregao.system.sample_run import MARKET, SOCKET_VARIABLE, demo_variables

FIRST, LAST = 1_000, 10_000
SLOTS = 20
GROWTH_MB = 10.0
STEP_SECONDS = 900.0
POLL_SECONDS = 0.2
LOOKS, LOOK_SECONDS = 20, 0.1
BATCH = 500
WORKER = "pregao worker"
GOOD, BAD = (f"SELECT count(*) FROM scraper_results WHERE success IS {good}" for good in ("TRUE", "FALSE"))
JOBS = [
    *(("B3", ticker) for ticker in ("PETR4", "VALE3", "HGLG11", "BOVA11", "PETR")),
    *(("BCB", series) for series in ("SELIC", "IPCA", "USD", "EUR")),
    *(("StatusInvest", ticker) for ticker in ("PETR4", "ITUB4", "HGLG11")),
    *(("Fundamentus", ticker) for ticker in ("PETR4", "ITUB4", "HGLG11")),
    *(("Investidor10", ticker) for ticker in ("PETR4", "ITUB4", "BOVA11")),
    *(("CoinMarketCap", coin) for coin in ("BTC", "ETH")),
    *((scraper, "PETR4") for scraper in ("GoogleNews", "Valor", "Bloomberg", "Opcoes", "TradingView", "Investing")),
    *((scraper, "VALE3") for scraper in ("ChatGPT", "Gemini", "TradingView", "GoogleNews")),
]


def measure(session: Session) -> Outcome:
    """One run: the resident memory, a median of some looks, after each of the two numbers of jobs."""
    outcome = Outcome("growth of a worker", "MB", notes=f"resident memory; {SLOTS} slots, {len(JOBS)} kinds of job")
    engines, first, last = session.engines, session.jobs(FIRST), session.jobs(LAST)
    engines.empty()
    engines.empty_database()
    with _sample_server() as origin, _worker(engines, demo_variables(origin)) as worker:
        found = []
        for jobs, done in ((first, first), (last - first, last)):
            asyncio.run(_enqueue(engines.url, jobs))
            _wait_until_done(engines, done, worker)
            found.append(_resident_mb(worker))
    session.note_scripts()
    outcome.add(f"{WORKER}, after {first} jobs", found[0])
    outcome.add(f"{WORKER}, after {last} jobs", found[1])
    outcome.goals = [Goal("MB more", found[1] - found[0], GROWTH_MB, at_least=False)]
    return outcome


@contextmanager
def _sample_server() -> Iterator[str]:
    """The sample market in a process of its own; where it is."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "pregao", MARKET, "--calm"]
        told = {**environment(), SOCKET_VARIABLE: str(listening.fileno()), "LOG_LEVEL": "WARNING"}
        process = subprocess.Popen(command, cwd=ROOT, env=told, pass_fds=[listening.fileno()])
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(LIMIT_SECONDS)


@contextmanager
def _worker(engines: Engines, variables: Mapping[str, str]) -> Iterator[psutil.Process]:
    """A worker with its recorder, on the worker's core."""
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="pregao-bench-home-"))
        limits = Path(home, "scrapers.yaml")
        limits.write_text("scrapers: {}\n")
        told = {
            **environment(),
            **variables,
            "PREGAO_SCRAPERS_FILE": str(limits),
            "REDIS_URL": engines.url,
            "DATABASE_URL": engines.database_url,
            "PREGAO_HOME": home,
            "SCRAPER_CONCURRENT_JOBS": str(SLOTS),
            "LOG_LEVEL": "WARNING",
        }
        with on_cores(WORKER_CORE):
            process = subprocess.Popen([sys.executable, "-m", "pregao", "worker"], cwd=ROOT, env=told)
        stack.callback(process.wait, LIMIT_SECONDS)
        stack.callback(process.terminate)
        yield psutil.Process(process.pid)


async def _enqueue(url: str, count: int) -> None:
    redis = open_redis(url)
    try:
        commands = QueueCommands(redis)
        now = datetime.now(UTC)  # noqa: TID251 - a request is made here, as a producer would
        specs = [
            JobSpec(
                id=str(uuid.uuid4()), scraper_name=scraper, ticker=ticker, priority=JobPriority.NORMAL, created_at=now
            )
            for scraper, ticker in islice(cycle(JOBS), count)
        ]
        for begin in range(0, count, BATCH):
            await commands.enqueue(specs[begin : begin + BATCH])
    finally:
        await redis.aclose()


def _wait_until_done(engines: Engines, jobs: int, worker: psutil.Process) -> None:
    """Until so many completed jobs are recorded. Raises TimeoutError, and RuntimeError for a job that fails."""
    deadline = time.monotonic() + STEP_SECONDS
    while engines.query(GOOD) < jobs or engines.redis.zcard(Keys().running):
        if engines.query(BAD):
            raise RuntimeError("a job failed: this scenario has no faults, so that something is broken")
        if time.monotonic() > deadline or not worker.is_running():
            raise TimeoutError(f"{jobs} jobs are not done within {STEP_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


def _resident_mb(worker: psutil.Process) -> float:
    looks = []
    for _ in range(LOOKS):
        looks.append(worker.memory_info().rss / 1e6)
        time.sleep(LOOK_SECONDS)
    return median(looks)
