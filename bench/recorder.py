"""The recorder as it ships, for scenarios that end in PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.engines import SERVER_CORE, WORKER_CORE, Engines, on_cores
from bench.processes import LIMIT_SECONDS, ROOT, environment
from pregao.queue.keys import Keys

POLL_SECONDS = 0.01


@contextmanager
def recording(engines: Engines) -> Iterator[subprocess.Popen[bytes]]:
    """Run `pregao recorder` on both cores, over an empty database."""
    engines.empty_database()
    variables = {"REDIS_URL": engines.url, "DATABASE_URL": engines.database_url, "LOG_LEVEL": "WARNING"}
    with on_cores(SERVER_CORE, WORKER_CORE):
        process = subprocess.Popen(
            [sys.executable, "-m", "pregao", "recorder"], cwd=ROOT, env={**environment(), **variables}
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(LIMIT_SECONDS)


def wait_until_recorded(engines: Engines) -> float:
    """Wait until the outbox is empty, which it is after the commit; the moment on the monotonic clock."""
    deadline = time.perf_counter() + LIMIT_SECONDS
    while engines.redis.xlen(Keys().outbox):
        if time.perf_counter() > deadline:
            raise TimeoutError(f"the outbox is not recorded within {LIMIT_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
    return time.perf_counter()
