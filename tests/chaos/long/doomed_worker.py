"""Workers that are born and killed by the hundred: `python -m tests.chaos.long.doomed_worker COUNT SEED`.

Everything is imported once, before any thread or loop exists; each worker is a fork of that, so that a life takes
milliseconds. Each one is killed at a random moment of its first tenth of a second, and all of them die with the run.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time

from pregao import logs
from pregao.embedded.parent import as_parent, follow_parent
from pregao.settings import Settings
from pregao.worker.processor import JobProcessor

LONGEST_LIFE_SECONDS = 0.15


async def live() -> None:
    processor = JobProcessor(settings=Settings.load(), records=False)
    await processor.start()
    await asyncio.Event().wait()


def main(count: int, seed: str) -> None:
    follow_parent(signal.SIGKILL)
    logs.configure(Settings.load(), "worker")
    chance = random.Random(seed)
    for _ in range(count):
        os.environ.update(as_parent())
        pid = os.fork()
        if pid == 0:
            follow_parent(signal.SIGKILL)
            asyncio.run(live())
            os._exit(1)
        time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(f"a worker ended by itself: {status}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
